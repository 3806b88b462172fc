import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import { Navigate, useLocation, useNavigate, useParams } from 'react-router';

import { limitsRegistryId } from '../api/ecr';
import type { Session } from '../api/session';
import { useMessages } from '../i18n';
import { Frame } from './Frame';
import { LiveProvider } from './live';
import { NotFoundPage } from './NotFoundPage';
import { PageLink } from './PageLink';
import { Plain } from './Plain';
import { useReread } from './queries';
import { pagePath, RegistryContext, useRegistry, useSessions } from './registry';
import { SignInForm } from './SignInForm';
import { remember } from './storage';
import { Waiting } from './Waiting';

/** Around every page of a registry: the account is signed in, and the page follows it live. */
export function RegistryLayout() {
  const { account = '', region = '' } = useParams();
  const location = useLocation();
  const m = useMessages();
  const sessions = useSessions();
  const [known, setKnown] = useState<Session>();
  const here = sessions.data?.sessions.find((s) => s.accountId === account);
  if (here && here !== known) {
    setKnown(here);
  }
  useEffect(() => {
    if (here) {
      remember('registry', `${account}/${region}`);
    }
  }, [here, account, region]);
  if (!limitsRegistryId.pattern.test(account)) {
    return (
      <Plain>
        <NotFoundPage />
      </Plain>
    );
  }
  if (!sessions.data) {
    return (
      <Plain>
        <Waiting error={sessions.error ?? sessions.failureReason} />
      </Plain>
    );
  }
  // A session that has ended while the page is open is renewed above the page:
  // nothing that was typed is lost.
  const session = here ?? (known?.accountId === account ? known : undefined);
  if (!session) {
    return <Navigate to={`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`} replace />;
  }
  if (!sessions.data.regions.includes(region)) {
    return (
      <Plain>
        <Box padding="xxl" textAlign="center">
          <Box variant="h1">{m.shell.unknownRegion(region)}</Box>
          <Box variant="p">{m.shell.servedRegions}</Box>
          <SpaceBetween size="xs">
            {sessions.data.regions.map((served) => (
              <PageLink key={served} to={pagePath({ account, region: served })}>
                {served}
              </PageLink>
            ))}
          </SpaceBetween>
        </Box>
      </Plain>
    );
  }
  return (
    <RegistryContext
      value={{
        account,
        region,
        session,
        sessions: sessions.data.sessions,
        regions: sessions.data.regions,
        version: sessions.data.version,
      }}
    >
      <LiveProvider key={`${account}/${region}`}>
        <Frame />
        {!here && <Renewal />}
      </LiveProvider>
    </RegistryContext>
  );
}

/** Asks for the key again, above the page. */
function Renewal() {
  const m = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const navigate = useNavigate();
  const leave = () => void navigate('/');
  return (
    <Modal
      visible
      header={m.errors.signedOut}
      onDismiss={({ detail }) => detail.reason === 'closeButton' && leave()}
      closeAriaLabel={m.sessions.leave}
      footer={
        <Box float="right">
          <Button variant="link" onClick={leave}>
            {m.sessions.leave}
          </Button>
        </Box>
      }
    >
      <Box padding={{ bottom: 'l' }}>{m.sessions.expiredAdvice(registry.session.accountName, registry.account)}</Box>
      <SignInForm
        account={registry.account}
        accessKeyId={registry.session.accessKeyId}
        onSignedIn={() => void reread(registry)}
      />
    </Modal>
  );
}
