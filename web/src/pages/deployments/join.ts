// The commands by which two deployments become peers.

import type { PeerGrant } from '../../api/twinport';
import { readAccounts, type AccountProblem } from '../../parts/policy/accounts';

/** Which deployment makes the code that the other takes. */
export type Inviter = 'here' | 'there';

export interface JoinForm {
  inviter: Inviter;
  /** Accounts of the other deployment that may replicate into this one: IDs, "all" or nothing. */
  intoHere: string;
  /** Accounts of this deployment that may replicate into the other. */
  intoThere: string;
  /** Who joins cannot be reached from outside. */
  outbound: boolean;
}

export interface JoinCommands {
  invite: string;
  join: string;
  /** Run on either side once both have joined. */
  check: string;
}

/** What a field of accounts says, and what is wrong with it. */
export function accountsOf(text: string): { accounts: string[] | 'all'; problems: AccountProblem[] } {
  return text.trim().toLowerCase() === 'all' ? { accounts: 'all', problems: [] } : readAccounts(text, '');
}

/** What a field of accounts grants. */
export function grantOf(text: string): PeerGrant {
  const { accounts } = accountsOf(text);
  return accounts === 'all' ? { allAccounts: true, accounts: [] } : { allAccounts: false, accounts };
}

/** A grant as a field of accounts says it. */
export function textOf({ allAccounts, accounts }: PeerGrant): string {
  return allAccounts ? 'all' : accounts.join(', ');
}

function accountsFlag(text: string): string {
  const { accounts } = accountsOf(text);
  const value = accounts === 'all' ? accounts : accounts.join(',');
  return value === '' ? '' : ` --accounts ${value}`;
}

/** Each side grants what comes into it. */
export function commandsOf({ inviter, intoHere, intoThere, outbound }: JoinForm): JoinCommands {
  const [byInviter, byJoiner] = inviter === 'here' ? [intoHere, intoThere] : [intoThere, intoHere];
  return {
    invite: `twinport peer invite${accountsFlag(byInviter)}`,
    join: `twinport peer join CODE${accountsFlag(byJoiner)}${outbound ? ' --outbound' : ''}`,
    check: 'twinport peer check',
  };
}
