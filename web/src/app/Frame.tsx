// What is around the pages of a registry: the bar, the navigation, what was said.

import SideNavigation from '@cloudscape-design/components/side-navigation';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useEffect, useId, useRef, useState, useSyncExternalStore } from 'react';
import { Outlet, useLocation, useNavigate } from 'react-router';

import { useMessages } from '../i18n';
import { Bar } from './Bar';
import { useConnection } from './live';
import { NotificationBar } from './notifications';
import { pagePath, useRegistry } from './registry';
import './frame.css';

/** Narrower, the navigation lies above the page instead of beside it; as in frame.css. */
const narrow = matchMedia('(max-width: 900px)');

function useNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      narrow.addEventListener('change', changed);
      return () => narrow.removeEventListener('change', changed);
    },
    () => narrow.matches,
  );
}

export function Frame() {
  const m = useMessages().shell;
  const above = useNarrow();
  const [open, setOpen] = useState(!above);
  const [wasAbove, setWasAbove] = useState(above);
  if (above !== wasAbove) {
    setWasAbove(above);
    setOpen(!above);
  }
  const id = useId();
  const navigation = useRef<HTMLElement>(null);
  const covered = above && open;
  useEffect(() => {
    if (!covered) {
      return;
    }
    const before = document.activeElement;
    navigation.current?.focus();
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && setOpen(false);
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('keydown', onKey);
      if (before instanceof HTMLElement) {
        before.focus();
      }
    };
  }, [covered]);
  return (
    <>
      <Bar
        navigation={{ id, open, onToggle: () => setOpen(!open), label: open ? m.closeNavigation : m.openNavigation }}
      />
      <div className="frame">
        <nav
          id={id}
          ref={navigation}
          className="frame-navigation"
          aria-label={m.privateRegistry}
          hidden={!open}
          tabIndex={-1}
        >
          <Navigation onFollow={() => above && setOpen(false)} />
        </nav>
        {covered && <div className="frame-cover" onClick={() => setOpen(false)} />}
        <main className="frame-page" inert={covered}>
          <div className="frame-notifications">
            <NotificationBar />
          </div>
          <Outlet />
        </main>
      </div>
    </>
  );
}

function Navigation({ onFollow }: { onFollow: () => void }) {
  const m = useMessages().shell;
  const registry = useRegistry();
  const navigate = useNavigate();
  const section = useLocation().pathname.split('/')[3] ?? '';
  const link = (path: string) => `/console${pagePath(registry, path)}`;
  const page = (text: string, path: string) => ({ type: 'link' as const, text, href: link(path) });
  const pages = [page(m.overview, ''), page(m.repositories, 'repositories'), page(m.activity, 'activity')];
  const settings = [
    page(m.replication, 'replication'),
    page(m.permissions, 'permissions'),
    page(m.templates, 'templates'),
    page(m.deployments, 'deployments'),
    page(m.sessions, 'sessions'),
  ];
  const active = link(section === 'repository' ? 'repositories' : section);
  const title = [...pages, ...settings].find(({ href }) => href === active)?.text;
  useEffect(() => {
    document.title = [title, registry.session.accountName, registry.region, m.product].filter(Boolean).join(' · ');
  }, [title, registry, m]);
  return (
    <SideNavigation
      header={{ text: m.privateRegistry, href: link('') }}
      activeHref={active}
      onFollow={(event) => {
        event.preventDefault();
        onFollow();
        void navigate(event.detail.href.replace('/console', ''));
      }}
      items={[...pages, { type: 'section', text: m.settings, items: settings }]}
      itemsControl={<ConnectionState />}
    />
  );
}

function ConnectionState() {
  const m = useMessages().shell;
  switch (useConnection()) {
    case 'live':
      return <StatusIndicator>{m.live}</StatusIndicator>;
    case 'connecting':
      return <StatusIndicator type="in-progress">{m.connecting}</StatusIndicator>;
    case 'offline':
      return <StatusIndicator type="warning">{m.offline}</StatusIndicator>;
  }
}
