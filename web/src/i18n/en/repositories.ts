export const repositories = {
  // The list
  title: 'Repositories',
  search: 'Search by part of the name',
  clearSearch: 'Clear search',
  none: 'No repositories yet',
  noneAdvice:
    'An image is pushed to a repository. Create the first one, or let a replication of another account create it.',
  noMatch: 'No repository has this in its name',
  create: 'Create repository',
  pushCommands: 'View push commands',
  name: 'Repository name',
  uri: 'URI',
  copyURI: (name: string) => `Copy the URI of ${name}`,
  createdAt: 'Created',
  mutability: 'Tag mutability',
  replicatesTo: 'Replicates to',
  replicatesNowhere: 'Nowhere',
  select: (name: string) => `Select ${name}`,
  selection: 'Selection of repositories',
  pages: 'Pages of the list',
  firstPage: 'Go to the first page',

  // Mutability
  mutable: 'Mutable',
  immutable: 'Immutable',
  except: (setting: string, filters: string) => `${setting}, except ${filters}`,
  mutableHint: 'A push may move a tag to another image.',
  immutableHint: 'A tag stays with the image that it was first pushed for.',
  exclusions: 'Exclusions',
  exclusionsOfMutable: 'Tags that match one of these filters are immutable.',
  exclusionsOfImmutable: 'Tags that match one of these filters may be moved.',
  filter: 'Filter',
  filterHint: 'Letters, digits, . _ and -; * stands for any characters. For example release-*',
  addFilter: 'Add filter',
  noFilters: 'No exclusions',
  removeFilter: (filter: string) => `Remove filter ${filter}`,
  filterProblems: {
    empty: 'Type a filter, or remove it',
    characters: 'A filter has only letters, digits, . _ - and *',
    long: 'A filter has at most 128 characters',
    twice: 'This filter is there already',
  },

  // Create
  createTitle: 'Create repository',
  general: 'General settings',
  nameHint:
    'Lower-case letters, digits and . _ - / between them. Parts before a slash group repositories: replication rules filter by how a name begins.',
  nameProblems: {
    short: 'A name has at least 2 characters',
    long: 'A name has at most 256 characters',
    capitals: 'A name has no capital letters',
    characters: 'A name has only lower-case letters, digits and . _ - /',
    begin: 'A name begins with a letter or a digit',
    end: 'A name ends with a letter or a digit',
    separators: 'Between letters or digits there is one of . _ / or __ or any number of -',
  },
  nameTaken: 'There is a repository of this name already',
  uriPreview: (uri: string) => `Its URI will be ${uri}`,
  created: (name: string) => `Repository ${name} is created`,
  willReplicate: (destinations: string) =>
    `By the rules of this registry, images pushed to it replicate to ${destinations}.`,

  // One repository
  gone: (name: string) => `There is no repository ${name} in this registry`,
  goneAdvice: 'It may have been deleted, or be in another account or Region.',
  toList: 'Show all repositories',
  images: 'Images',
  settings: 'Settings',
  permissions: 'Permissions',
  tags: 'Resource tags',
  arn: 'ARN',
  encryption: 'Encryption',
  encryptionOfDisk: 'Left to the disk (AES256)',
  repositoryPolicy: 'Repository policy',
  hasPolicy: 'Yes',
  hasNoPolicy: 'None: only this account has access',
  scanOnPush: 'Scan on push',
  scansOnPush: 'On',
  scansNot: 'Off',
  editScanOnPush: 'Edit scan on push',
  scanOnPushChoice: 'Scan images when they are pushed',
  scanOnPushHint:
    'Counts beside the registry’s rules while its scanning is basic. While that is enhanced, the rules count alone.',
  details: 'Details',
  saved: 'Saved',
  conflict: 'What is stored has changed meanwhile',
  conflictAdvice: 'What you have changed is still below. The server has this now:',
  takeStored: 'Take what is stored',
  keepMine: 'Keep mine',

  // Permissions
  policyAdvice: 'Says who else may pull from and push to this repository. Without a policy only this account may.',
  policyRemoved: 'The repository policy is removed',
  noPolicy: 'No policy',

  // Resource tags
  tagsAdvice: 'Keys and values for your own order: by team, by cost centre. They are not the tags of images.',
  noTags: 'No resource tags',

  // Delete
  deleteTitle: (name: string) => `Delete ${name}?`,
  deleteAdvice: 'This cannot be undone.',
  deleteEmpty: 'The repository has no images.',
  deleteImagesToo: 'The repository has images. They are deleted with it, all of their tags, signatures and SBOMs too.',
  deleteCopiesStay: (destinations: string) => `Copies in ${destinations} stay.`,
  deleteTypeName: (name: string) => `To confirm, type ${name}`,
  deleteNotEmpty: 'Somebody pushed an image in the meantime. Press Delete again to delete the images too.',
  deleted: (name: string) => `Repository ${name} is deleted`,

  // Push commands
  pushTitle: (name: string) => `Push commands for ${name}`,
  naming: 'How to name the registry',
  namings: {
    path: 'In the path',
    host: 'In the host',
    login: 'By the login',
  },
  namingHints: {
    path: 'Works everywhere: the path names account and Region.',
    host: "ECR's own form. The host must resolve to this server; logins of several accounts stay apart.",
    login: 'Short: the registry is that of the account and Region you log in with.',
  },
  loginsByHost: 'Docker keeps one login per host: logging in for another account takes the place of this one.',
  insecure: (host: string) =>
    `This server speaks plain HTTP. Docker must be told to accept that: add "${host}" to insecure-registries in its daemon.json.`,
  posix: 'macOS / Linux',
  windows: 'Windows',
  withoutAws: 'Without aws',
  credentials: (account: string) =>
    `The aws command needs an access key of account ${account}, for example from a profile: export AWS_PROFILE=…`,
  credentialsOnWindows: (account: string) =>
    `The aws command needs an access key of account ${account}, for example from a profile: $env:AWS_PROFILE = "…"`,
  stepLogin: 'Log Docker in. The login holds for 12 hours.',
  stepBuild: 'Build the image. Leave this out if you have one.',
  stepTag: 'Give the image the name that it has here.',
  stepPush: 'Push it.',
  stepLoginPassword: 'Log Docker in. It asks for a password: paste the one that you copy below.',
  makePassword: 'Make a password',
  copyPassword: 'Copy password',
  passwordUntil: (time: string) =>
    `Valid until ${time}, or until you sign out. Whoever has it may do in this Region what you may.`,
  stepLoginCurl: 'Or in a script, with an access key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY:',
};
