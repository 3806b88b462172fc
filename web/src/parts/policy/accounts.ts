// Account IDs as people type and paste them.

export type AccountProblem =
  { kind: 'characters' | 'twice' | 'own'; account: string } | { kind: 'length'; account: string; digits: number };

/** Each ID once, in order, with whatever is wrong with the text; own is the account that must not be among them. */
export function readAccounts(text: string, own: string): { accounts: string[]; problems: AccountProblem[] } {
  const accounts: string[] = [];
  const problems: AccountProblem[] = [];
  // A Japanese keyboard types wide digits, commas and spaces; the console itself shows 1111-2222-3333.
  for (const word of text.normalize('NFKC').split(/[\s,;、。]+/)) {
    const account = word.replace(/^(\d{4})-(\d{4})-(\d{4})$/, '$1$2$3');
    if (account === '') {
      continue;
    }
    if (!/^\d+$/.test(account)) {
      problems.push({ kind: 'characters', account });
    } else if (account.length !== 12) {
      problems.push({ kind: 'length', account, digits: account.length });
    } else if (account === own) {
      problems.push({ kind: 'own', account });
    } else if (accounts.includes(account)) {
      problems.push({ kind: 'twice', account });
    } else {
      accounts.push(account);
    }
  }
  return { accounts, problems };
}
