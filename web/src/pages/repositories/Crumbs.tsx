import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import { useNavigate } from 'react-router';

import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';

/** The way from the list of repositories to the page; the last step is the page itself. */
export function Crumbs({ steps }: { steps: { text: string; path: string }[] }) {
  const m = useMessages();
  const registry = useRegistry();
  const navigate = useNavigate();
  const all = [{ text: m.repositories.title, path: pagePath(registry, 'repositories') }, ...steps];
  return (
    <BreadcrumbGroup
      ariaLabel={m.shell.breadcrumbs}
      items={all.map(({ text, path }) => ({ text, href: `/console${path}` }))}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(event.detail.href.replace(/^\/console/, ''));
      }}
    />
  );
}
