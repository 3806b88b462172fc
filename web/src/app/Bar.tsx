// The bar at the top of every page: which account and Region, and how to change them.

import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useContext } from 'react';
import { useLocation, useNavigate } from 'react-router';

import { signOut } from '../api/session';
import { languages, useLanguage, type Language } from '../i18n';
import { useAppearance, type Appearance } from './appearance';
import { accountColour } from './colours';
import { useQueryClient } from '@tanstack/react-query';
import { pagePath, RegistryContext, sessionsKey } from './registry';

/** Twelve digits in three groups, as people read them aloud. */
export function groupedAccount(account: string): string {
  return account.replace(/^(\d{4})(\d{4})(\d{4})$/, '$1-$2-$3');
}

export function Bar() {
  const { language, setLanguage, messages } = useLanguage();
  const m = messages.shell;
  const { appearance, setAppearance } = useAppearance();
  const registry = useContext(RegistryContext);
  const navigate = useNavigate();
  const location = useLocation();
  const queries = useQueryClient();

  // The same page of another registry; a repository of it may not exist there.
  const elsewhere = (account: string, region: string) => {
    const page = location.pathname.split('/')[3] ?? '';
    void navigate(pagePath({ account, region }, page === 'repository' ? 'repositories' : page));
  };
  const end = async (account: string) => {
    await signOut(account);
    await queries.invalidateQueries({ queryKey: sessionsKey });
    void navigate('/');
  };

  return (
    <header className="bar awsui-context-top-navigation" style={registry ? { borderBlockEndColor: accountColour(registry.account) } : undefined}>
      <a className="bar-product" href="/console/">
        <img src="/console/icon.svg" alt="" width="24" height="24" />
        <span>{m.product}</span>
      </a>
      {registry && (
        <>
          <div className="bar-account" style={{ backgroundColor: accountColour(registry.account) }}>
            <strong>{registry.session.accountName}</strong> <code>{groupedAccount(registry.account)}</code> · {registry.region}
          </div>
          <ButtonDropdown
            variant="normal"
            ariaLabel={m.switchAccount(registry.session.accountName, registry.account, registry.region)}
            items={[
              {
                text: m.account,
                items: registry.sessions.map((s) => ({
                  id: `account ${s.accountId}`,
                  text: `${s.accountName} ${groupedAccount(s.accountId)}`,
                  itemType: 'checkbox' as const,
                  checked: s.accountId === registry.account,
                })),
              },
              { id: 'add', text: m.addAccount },
              { id: 'sign-out', text: m.signOut(registry.session.accountName) },
            ]}
            onItemClick={({ detail }) => {
              const [action, account] = detail.id.split(' ');
              if (action === 'account') {
                elsewhere(account!, registry.region);
              } else if (action === 'add') {
                void navigate('/sign-in');
              } else {
                void end(registry.account);
              }
            }}
          >
            {m.account}
          </ButtonDropdown>
          <ButtonDropdown
            items={registry.regions.map((r) => ({ id: r, text: r, itemType: 'checkbox' as const, checked: r === registry.region }))}
            onItemClick={({ detail }) => elsewhere(registry.account, detail.id)}
          >
            {m.region}
          </ButtonDropdown>
        </>
      )}
      <div className="bar-space" />
      <ButtonDropdown
        ariaLabel={m.settings}
        variant="icon"
        items={[
          {
            text: m.language,
            items: Object.entries(languages).map(([id, text]) => ({ id: `language ${id}`, text, lang: id, itemType: 'checkbox' as const, checked: id === language })),
          },
          {
            text: m.appearance,
            items: (
              [
                ['system', m.asSystem],
                ['light', m.light],
                ['dark', m.dark],
              ] as const
            ).map(([id, text]) => ({ id: `appearance ${id}`, text, itemType: 'checkbox' as const, checked: id === appearance })),
          },
        ]}
        onItemClick={({ detail }) => {
          const [what, value] = detail.id.split(' ');
          if (what === 'language') {
            setLanguage(value as Language);
          } else {
            setAppearance(value as Appearance);
          }
        }}
      />
    </header>
  );
}
