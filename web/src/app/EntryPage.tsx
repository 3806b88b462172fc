import { Navigate } from 'react-router';

import { pagePath, useSessions } from './registry';
import { Waiting } from './Waiting';
import { remembered } from './storage';

/** The console's own address leads to the registry that was last looked at. */
export function EntryPage() {
  const sessions = useSessions();
  if (!sessions.data) {
    return <Waiting error={sessions.error ?? sessions.failureReason} />;
  }
  const { sessions: signedIn, regions } = sessions.data;
  const [account, region] = remembered('registry')?.split('/') ?? [];
  const session = signedIn.find((s) => s.accountId === account) ?? signedIn[0];
  if (!session) {
    return <Navigate to="/sign-in" replace />;
  }
  return (
    <Navigate
      to={pagePath({ account: session.accountId, region: regions.find((r) => r === region) ?? regions[0]! })}
      replace
    />
  );
}
