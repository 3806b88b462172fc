import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useNavigate, useSearchParams } from 'react-router';

import { useMessages } from '../i18n';
import { Bar } from './Bar';
import { pagePath, useSessions } from './registry';
import { SignInForm } from './SignInForm';
import { remembered } from './storage';

/** Signs in to an account, the first or another one; `next` is where to go then. */
export function SignInPage() {
  const m = useMessages().sessions;
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const sessions = useSessions();
  const next = parameters.get('next');
  const wanted = next?.match(/^\/(\d{12})\/([^/]+)\//);
  return (
    <>
      <Bar />
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
              onSignedIn={(session) => {
                const regions = sessions.data?.regions ?? [];
                const last = remembered('registry')?.split('/')[1];
                const region = regions.find((r) => r === last) ?? regions[0];
                void navigate(wanted ? next! : region ? pagePath({ account: session.accountId, region }) : '/', { replace: true });
              }}
            />
          </Container>
        </div>
      </Box>
    </>
  );
}
