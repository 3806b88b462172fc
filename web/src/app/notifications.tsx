import Button from '@cloudscape-design/components/button';
import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';

import { useMessages } from '../i18n';
import { useConnection } from './live';
import { useRegistry } from './registry';

interface Notification {
  type: FlashbarProps.Type;
  header: string;
  content?: ReactNode;
  /** One of the same id takes its place. */
  id?: string;
}

interface Notifications {
  items: FlashbarProps.MessageDefinition[];
  notify: (n: Notification) => void;
}

const NotificationsContext = createContext<Notifications>({ items: [], notify: () => {} });

/** Says at the top of the page how something went. */
export function useNotify(): Notifications['notify'] {
  return useContext(NotificationsContext).notify;
}

/** Keeps what was said across pages until it is dismissed. */
export function NotificationsProvider({ children }: { children: ReactNode }) {
  const m = useMessages().shell;
  const [said, setSaid] = useState<(Notification & { id: string })[]>([]);
  const notify = useCallback((n: Notification) => {
    const id = n.id ?? crypto.getRandomValues(new Uint32Array(2)).join('');
    setSaid((before) => [{ ...n, id }, ...before.filter((b) => b.id !== id)].slice(0, 5));
  }, []);
  const items = useMemo(
    () =>
      said.map((n): FlashbarProps.MessageDefinition => ({
        ...n,
        dismissible: true,
        dismissLabel: m.dismiss,
        onDismiss: () => setSaid((before) => before.filter((b) => b.id !== n.id)),
      })),
    [said, m],
  );
  return <NotificationsContext value={{ items, notify }}>{children}</NotificationsContext>;
}

/** The server may be away for this long, in milliseconds, before it is said: a restart takes less. */
const patience = 2000;

/** The version that the server first named: the one that this console came from. */
let own: string | undefined;

/** Of a registry's pages: what was said, and whether the server is away, or newer than the console that is shown. */
export function NotificationBar() {
  const m = useMessages();
  const { items } = useContext(NotificationsContext);
  const offline = useConnection() === 'offline';
  const [away, setAway] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setAway(offline), offline ? patience : 0);
    return () => clearTimeout(timer);
  }, [offline]);
  const { version } = useRegistry();
  own ??= version;
  const upgraded: FlashbarProps.MessageDefinition = {
    id: 'upgraded',
    type: 'info',
    header: m.shell.upgraded(version),
    content: m.shell.upgradedAdvice,
    action: <Button onClick={() => location.reload()}>{m.errors.reload}</Button>,
  };
  const lost: FlashbarProps.MessageDefinition = {
    id: 'offline',
    type: 'warning',
    header: m.errors.network,
    content: m.errors.networkAdvice,
  };
  return <Flashbar items={[...(away ? [lost] : []), ...(version === own ? [] : [upgraded]), ...items]} />;
}
