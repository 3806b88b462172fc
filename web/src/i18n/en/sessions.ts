export const sessions = {
  signInTitle: 'Sign in',
  signInTo: (account: string) => `Sign in to account ${account}`,
  signInAdvice: 'Use an access key of the account. The server checks it; the secret is not kept in the browser.',
  linkAdvice: (account: string, region: string) => `The page you opened belongs to account ${account} in ${region}. Sign in with one of its access keys.`,
  expiredAdvice: 'What you have typed is still here: sign in again, and go on.',
  otherAccount: (account: string, wanted: string) => `This key belongs to account ${account}, not ${wanted}.`,
  accessKeyId: 'Access key ID',
  accessKeyIdHint: 'twinport init writes the keys into twinport.yaml, and profiles for the aws command into aws/credentials.',
  secretAccessKey: 'Secret access key',
  signIn: 'Sign in',
  needed: 'Needed',
  wrongKey: 'There is no such access key, or the secret is wrong.',
};
