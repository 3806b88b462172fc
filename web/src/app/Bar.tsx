// The bar at the top of every page: which account and Region, and how to change them.

import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useContext, useLayoutEffect, useRef } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';

import { languages, useLanguage, type Language } from '../i18n';
import { groupedAccount } from '../i18n/format';
import { useAppearance, type Appearance } from './appearance';
import { setBarHeight } from './barHeight';
import { accountColour } from './colours';
import { pagePath, RegistryContext } from './registry';

interface Props {
  /** What the button at its start opens and closes, if there is something. */
  navigation?: { id: string; open: boolean; onToggle: () => void; label: string };
}

export function Bar({ navigation }: Props) {
  const registry = useContext(RegistryContext);
  const m = useLanguage().messages.shell;
  const element = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const bar = element.current!;
    const observer = new ResizeObserver(() => setBarHeight(bar.offsetHeight));
    observer.observe(bar);
    return () => observer.disconnect();
  }, []);
  return (
    <header
      ref={element}
      className="bar awsui-context-top-navigation"
      style={registry ? { borderBlockEndColor: accountColour(registry.account) } : undefined}
    >
      {navigation && (
        <Button
          variant="icon"
          iconName="menu"
          ariaLabel={navigation.label}
          ariaExpanded={navigation.open}
          ariaControls={navigation.id}
          onClick={navigation.onToggle}
        />
      )}
      <Link className="bar-product" to="/" aria-label={m.product}>
        <img src="/console/icon.svg" alt="" width="24" height="24" />
        <span>{m.product}</span>
      </Link>
      {registry && (
        <>
          <div className="bar-account" style={{ backgroundColor: accountColour(registry.account) }}>
            <strong>{registry.session.accountName}</strong>
            <code>{groupedAccount(registry.account)}</code>
            <span>{registry.region}</span>
          </div>
          <AccountMenu />
        </>
      )}
      <div className="bar-space" />
      <SettingsMenu />
    </header>
  );
}

function AccountMenu() {
  const m = useLanguage().messages.shell;
  const registry = useContext(RegistryContext)!;
  const navigate = useNavigate();
  const location = useLocation();
  // The same page of another registry; a repository of it may not exist there.
  const goTo = (account: string, region: string) => {
    const page = location.pathname.split('/').slice(3).join('/');
    void navigate(pagePath({ account, region }, page.startsWith('repository/') ? 'repositories' : page));
  };
  return (
    <>
      <ButtonDropdown
        ariaLabel={m.switchAccount(registry.session.accountName, registry.account, registry.region)}
        items={[
          {
            text: m.signedIn,
            items: registry.sessions.map((s) => ({
              id: `account ${s.accountId}`,
              text: s.accountName,
              secondaryText: groupedAccount(s.accountId),
              itemType: 'checkbox' as const,
              checked: s.accountId === registry.account,
              iconSvg: <Swatch colour={accountColour(s.accountId)} />,
            })),
          },
          { id: 'add', text: m.addAccount, iconName: 'add-plus' },
          { id: 'sign-out', text: m.signOut(registry.session.accountName) },
        ]}
        onItemClick={({ detail }) => {
          const [action, account] = detail.id.split(' ');
          if (action === 'account') {
            goTo(account!, registry.region);
          } else if (action === 'add') {
            void navigate('/sign-in');
          } else {
            void navigate('/sign-out', { state: { account: registry.account } });
          }
        }}
      >
        {m.account}
      </ButtonDropdown>
      <ButtonDropdown
        ariaLabel={m.switchRegion(registry.region)}
        items={registry.regions.map((r) => ({
          id: r,
          text: r,
          itemType: 'checkbox' as const,
          checked: r === registry.region,
        }))}
        onItemClick={({ detail }) => goTo(registry.account, detail.id)}
      >
        {m.region}
      </ButtonDropdown>
    </>
  );
}

function Swatch({ colour }: { colour: string }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <circle cx="8" cy="8" r="7" style={{ fill: colour, stroke: 'none' }} />
    </svg>
  );
}

function SettingsMenu() {
  const { language, setLanguage, messages } = useLanguage();
  const m = messages.shell;
  const { appearance, setAppearance } = useAppearance();
  const appearances: Record<Appearance, string> = { system: m.asSystem, light: m.light, dark: m.dark };
  return (
    <ButtonDropdown
      ariaLabel={m.preferences}
      variant="icon"
      iconName="settings"
      items={[
        {
          text: m.language,
          items: Object.entries(languages).map(([id, text]) => ({
            id: `language ${id}`,
            text,
            lang: id,
            itemType: 'checkbox' as const,
            checked: id === language,
          })),
        },
        {
          text: m.appearance,
          items: Object.entries(appearances).map(([id, text]) => ({
            id: `appearance ${id}`,
            text,
            itemType: 'checkbox' as const,
            checked: id === appearance,
          })),
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
  );
}
