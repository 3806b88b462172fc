const problems = {
  accountNeeded: 'Enter an account ID, or remove this row.',
  accountCharacters: 'An account ID has only digits.',
  accountLong: 'An account ID has 12 digits; this is too long.',
  accountShort: 'An account ID has 12 digits.',
  ownAccount:
    'This is the account that you are in. To replicate to another of its Regions, use cross-Region replication.',
  duplicateDestination: 'This rule replicates there already.',
  regionNeeded: 'Choose a Region.',
  regionNotServed: 'Neither this deployment nor a peer serves this Region (any more). Choose another, or remove it.',
  noDestination: 'Add a destination, or remove the rule.',
  filterNeeded: 'Enter the beginning of repository names. Without it the rule would replicate all repositories.',
  filterShort: 'Enter at least 2 characters.',
  filterLong: 'Enter at most 256 characters.',
  filterPattern:
    'Only lower-case letters, digits, and . _ - / between them. No wildcard is needed: what begins with the text matches.',
  duplicateFilter: 'This filter is there already.',
  tooManyFilters: 'A rule has at most 100 filters.',
  tooManyDestinations: 'All rules together have at most 25 different destinations.',
  tooManyRules: 'There are at most 25 rules.',
};

const grants = {
  GRANTED: 'Allowed',
  NOT_GRANTED: 'Not allowed yet',
  DENIED: 'Denied',
  NO_REGISTRY: 'No such registry',
  UNREACHABLE: 'Cannot be reached',
  PEER_NOT_GRANTED: 'Not allowed by its deployment',
};

export const replication = {
  problems,
  grants,

  // The page
  title: 'Replication',
  description: 'Copies images to other Regions and accounts as soon as they are pushed.',
  edit: 'Edit',
  editRule: (number: number) => `Edit rule ${number}`,
  addRule: 'Add rule',
  removeRule: (number: number) => `Remove rule ${number}`,
  noRules: 'Nothing is replicated yet',
  noRulesAdvice:
    'Say which images go where. They are copied from the next push on; the destination account must allow it.',
  setUp: 'Set up replication',
  rule: (number: number) => `Rule ${number}`,
  destinations: 'Destinations',
  destinationsOf: (number: number) => `Destinations of rule ${number}`,
  destination: 'Destination',
  crossRegion: 'Cross-Region',
  crossAccount: 'Cross-account',
  crossBoth: 'Cross-account and cross-Region',
  permission: 'Permission there',
  filters: 'Repositories',
  allRepositories: 'All repositories',
  startingWith: 'Names that begin with',
  or: 'or',
  deletions: 'Deletions',
  deletionsOn: 'What is deleted here is deleted at the destinations, too.',
  deletionsOff: 'What is deleted here stays at the destinations.',
  checking: 'Checking…',
  notChecked: 'Not known',
  checkFailed: 'Whether the destinations allow it could not be checked',

  // Removing a rule
  removeTitle: (number: number) => `Remove rule ${number}?`,
  removeAdvice:
    'What is pushed from now on is not replicated by this rule any more. What has been replicated stays where it is.',
  removed: 'The rule is removed',
  ruleGone: 'The rules have changed meanwhile: this rule is not there any more.',

  // A destination that does not take images
  place: (account: string, region: string) => `${account} in ${region}`,
  missing: {
    NOT_GRANTED: (place: string) => `${place} does not allow replication from here yet`,
    DENIED: (place: string) => `${place} denies replication from here`,
    NO_REGISTRY: (place: string) => `${place} exists neither in this deployment nor in a peer`,
    UNREACHABLE: (place: string, peer: string) => `The deployment ${peer}, which serves ${place}, cannot be asked now`,
    PEER_NOT_GRANTED: (place: string, peer: string) =>
      `The deployment ${peer}, which serves ${place}, does not let this deployment replicate for this account`,
  },
  missingAdvice: {
    NOT_GRANTED: () =>
      'Images fail until this statement is in its permissions and no other denies what it allows. Those that have failed are then replicated by themselves.',
    DENIED: () =>
      'A statement of its permissions denies it, which counts more than any that allows it. Someone signed in to that account must change or remove that statement.',
    NO_REGISTRY: () =>
      'Check the account ID and the Region. If they are right, whoever runs this deployment, or the peer, must add the account to its configuration.',
    UNREACHABLE: () =>
      'Images wait, and are replicated by themselves as soon as it answers. The page Deployments says what is wrong.',
    PEER_NOT_GRANTED: (peer: string) =>
      `Images wait. Whoever runs ${peer} can let it, by twinport peer grant: the account of this registry must be among those that are named there.`,
  },
  atPeer: (peer: string) =>
    `Someone who can sign in to that account at ${peer} must do this: open its permissions there, add the statement, save. The link fills in what is needed.`,
  openPermissionsAt: (place: string, peer: string) => `Permissions of ${place}, at ${peer}`,
  openDeployments: 'Deployments',
  servedBy: (peer: string) => `at ${peer}`,
  decidedFor: (repository: string) => `Decided for the repository ${repository}.`,
  addStatement: (account: string) => `Add the statement in ${account}`,
  addedStatement: (place: string) => `${place} allows replication from here now`,
  signedInThere: (account: string) => `You are signed in to ${account} too, so you can do it from here.`,
  notSignedInThere:
    'Someone who can sign in to that account must do this: open its permissions, add the statement, save. Send them the link and the statement, or sign in to that account here as well.',
  openPermissions: (place: string) => `Permissions of ${place}`,
  statement: 'Statement to add',
  copyStatement: 'Copy the statement',
  copyLink: 'Copy the link',
  serverSays: 'What the server says',

  // Editing
  typesTitle: 'Destination types',
  typesAdvice: 'Where may images of this registry be copied to?',
  crossRegionSwitch: 'Cross-Region replication',
  crossRegionAdvice: (account: string) => `To other Regions of this account (${account}). Needs no permission.`,
  oneRegion: 'This account is in one Region only.',
  crossAccountSwitch: 'Cross-account replication',
  crossAccountAdvice: 'To other accounts, in any Region. The other account must allow it.',
  switchedOff: (count: number) =>
    count === 1 ? '1 destination is removed when you save.' : `${count} destinations are removed when you save.`,
  bothOff: 'Both are off: saving removes all rules, and nothing is replicated any more.',
  rulesTitle: 'Rules',
  rulesAdvice: 'Each rule says which repositories go to which destinations.',
  rulesOff: 'Replication is switched off: there is nothing to set here.',
  regionsLabel: 'Regions of this account',
  regionsAdvice: 'The images are copied to the same account in these Regions.',
  chooseRegions: 'Choose Regions',
  accountsLabel: 'Other accounts',
  accountLabel: 'Account ID',
  accountPlaceholder: '12 digits',
  digits: (count: number) => `${count} of 12 digits`,
  signedIn: (name: string) => `${name} (you are signed in)`,
  regionLabel: 'Region',
  addAccount: 'Add account',
  noAccounts: 'No other account yet.',
  removeAccount: (account: string) => (account ? `Remove account ${account}` : 'Remove this account'),
  removedRow: 'Removed',
  destinationCount: (count: number, most: number) => `${count} of ${most} destinations, in all rules together.`,
  ruleCount: (count: number, most: number) => `${count} of ${most} rules.`,
  filtersLabel: 'Which repositories',
  filtersAll: 'All repositories',
  filtersAllAdvice: 'Those that will be created later, too.',
  filtersSome: 'Repositories whose names begin with…',
  filtersSomeAdvice: 'Filters, up to 100 per rule. One that matches is enough.',
  filterLabel: 'Name begins with',
  filterPlaceholder: 'app/',
  addFilter: 'Add filter',
  removeFilter: (filter: string) => (filter ? `Remove filter ${filter}` : 'Remove this filter'),
  filterCount: (count: number, most: number) => `${count} of ${most} filters.`,
  matches: (count: string, names: string) => `Matches ${count} now: ${names}`,
  matchesNone: 'No repository matches yet. One that is created later will.',
  matchesMore: (count: string) => `${count} and more`,
  noRepositories: 'There is no repository yet: create one on the page Repositories.',
  andOthers: (count: string) => `${count} more`,
  andMore: 'more',
  searching: 'Looking for repositories…',

  deletionsSwitch: 'Replicate deletions',
  deletionsAdvice:
    'When a tag or an image is deleted here, its copies are deleted at the destinations: tags that this registry has set there last, ' +
    'and images that nobody else has brought, once no tag is left and no index names them. What a newer push has brought stays.',

  // Review
  reviewTitle: 'Review and save',
  reviewAdvice: 'This is what will happen.',
  reviewOn:
    'From the next push on, each image is copied as its rule says. What is here already is copied once you ask for that, on the page Replication.',
  reviewOff: 'Nothing is replicated any more. Images and repositories that have been replicated stay where they are.',
  reviewSame: 'Nothing is changed yet.',
  changes: { new: 'New', changed: 'Changed', none: 'As before' },
  before: 'Before:',
  removedRules: 'These rules are removed',
  removedRulesAdvice: 'What they have replicated stays where it is.',
  sentence: (repositories: string, places: string) => `Images pushed to ${repositories} are copied to ${places}.`,
  sentenceWithDeletions: (repositories: string, places: string) =>
    `Images pushed to ${repositories} are copied to ${places}, and deleted there when they are deleted here.`,
  sentenceAll: 'any repository',
  sentenceSome: (prefixes: string) => `repositories whose names begin with ${prefixes}`,
  sentencePlace: (account: string, region: string) => `account ${account} in ${region}`,
  sentenceOwn: (region: string) => `this account in ${region}`,
  saved: 'Replication is saved',
  savedAdvice: 'The next push is replicated. You can watch it on the page Replication activity.',
  saveFailed: 'Replication is not saved',
  fixFirst: 'Correct what is marked first.',
  conflict: 'Someone else has changed the rules meanwhile',
  conflictAdvice:
    'Saving would undo their change. You can load their rules, which drops what you have changed here, or save yours over them.',
  takeStored: 'Load their rules',
  keepMine: 'Keep mine',
};
