export const sessions = {
  signInTitle: 'Sign in',
  signInTo: (account: string) => `Sign in to account ${account}`,
  signInAdvice: 'Use an access key of the account. The server checks it; the secret is not kept in the browser.',
  linkAdvice: (account: string, region: string) =>
    `The page you opened belongs to account ${account} in ${region}. Sign in with one of its access keys.`,
  expiredAdvice: (name: string, account: string) =>
    `Account ${name} (${account}): what you have typed is still here. Sign in again, and go on.`,
  leave: 'Leave this page',
  signedInTo: 'You are signed in to',
  otherAccount: (account: string, wanted: string) =>
    `This key belongs to account ${account}, not ${wanted}. You are signed in to it now, but the page needs the other.`,
  accessKeyId: 'Access key ID',
  accessKeyIdHint:
    'twinport init writes the keys into twinport.yaml, and profiles for the aws command into aws/credentials.',
  secretAccessKey: 'Secret access key',
  signIn: 'Sign in',
  needed: 'Needed',
  wrongKey: 'There is no such access key, or the secret is wrong.',

  description: (name: string) =>
    `Browsers that are signed in with a key of account ${name}. A session ends by itself after 12 hours. To end this one, sign out.`,
  signedInNow: 'Signed in now',
  revoke: 'Revoke',
  revokeOthers: 'Revoke all others',
  revoked: (count: number) => (count === 1 ? 'The session is revoked' : `${count} sessions are revoked`),
  since: 'Since',
  current: 'This one',
  program: 'Browser',
  browserOn: (browser: string, system: string) => `${browser} on ${system}`,
  address: 'Address',
  until: 'Until',
  selection: 'Sessions to revoke',
  selectAll: 'Select all sessions',
  select: (key: string, since: string) => `Select the session of ${key} since ${since}`,
};
