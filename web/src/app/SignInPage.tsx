import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect } from 'react';
import { useNavigate, useSearchParams } from 'react-router';

import { useMessages } from '../i18n';
import { groupedAccount } from '../i18n/format';
import { PageLink } from './PageLink';
import { pagePath, useSessions } from './registry';
import { SignInForm } from './SignInForm';
import { remembered } from './storage';

/** Signs in to an account, the first or another one; `next` is where to go then. */
export function SignInPage() {
  const { sessions: m, shell } = useMessages();
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const sessions = useSessions();
  const next = parameters.get('next');
  const wanted = next?.match(/^\/(\d{12})\/([^/?]+)(?=[/?]|$)/);
  const last = remembered('registry')?.split('/')[1];
  const region = sessions.data?.regions.find((r) => r === last) ?? sessions.data?.regions[0];
  const signedIn = sessions.data?.sessions ?? [];
  useEffect(() => {
    document.title = `${m.signInTitle} · ${shell.product}`;
    void import('./RegistryLayout').catch(() => {}); // what comes next, while the viewer types
  }, [m, shell]);
  return (
    <Box padding={{ vertical: 'xxl', horizontal: 'l' }}>
      <div className="sign-in">
        <Container
          header={
            <Header variant="h1" description={wanted ? m.linkAdvice(wanted[1]!, wanted[2]!) : m.signInAdvice}>
              {wanted ? m.signInTo(wanted[1]!) : m.signInTitle}
            </Header>
          }
        >
          <SignInForm
            account={wanted?.[1]}
            onSignedIn={({ accountId: account }) =>
              void navigate(wanted ? next! : region ? pagePath({ account, region }) : '/', { replace: true })
            }
          />
        </Container>
        {region && signedIn.length > 0 && (
          <Box padding="l">
            <Box variant="h2" fontSize="heading-s">
              {m.signedInTo}
            </Box>
            <SpaceBetween size="xs">
              {signedIn.map(({ accountId: account, accountName }) => (
                <PageLink key={account} to={pagePath({ account, region })}>
                  {accountName} {groupedAccount(account)}
                </PageLink>
              ))}
            </SpaceBetween>
          </Box>
        )}
      </div>
    </Box>
  );
}
