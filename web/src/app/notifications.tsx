import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';

import { useMessages } from '../i18n';

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

export function NotificationBar() {
  const { items } = useContext(NotificationsContext);
  return <Flashbar items={items} />;
}
