import { useContext } from 'react';

import { accountColour } from './colours';
import { RegistryContext } from './registry';

/** An account by its digits, with name and colour if the viewer is signed in to it; and a Region of it. */
export function AccountName({ account, region }: { account: string; region?: string }) {
  const session = useContext(RegistryContext)?.sessions.find((s) => s.accountId === account);
  return (
    <span className="account-name">
      {session && (
        <span className="account-dot" style={{ backgroundColor: accountColour(account) }} aria-hidden="true" />
      )}
      {session && <strong>{session.accountName}</strong>} <code>{account}</code>{' '}
      {region && <span className="account-region">{region}</span>}
    </span>
  );
}
