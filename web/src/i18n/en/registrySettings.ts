export const registrySettings = {
  // Account settings
  title: 'Registry settings',
  description: 'They hold for this account in this Region.',
  setting: 'Setting',
  value: 'Value',
  change: 'Change',
  changeOf: (setting: string) => `Change ${setting}`,
  saved: 'The setting is saved',
  settings: {
    REGISTRY_POLICY_SCOPE: {
      name: 'What the registry policy decides on',
      values: {
        V2: {
          label: 'All actions (V2)',
          hint: 'The registry policy and the policies of repositories decide together.',
        },
        V1: {
          label: 'Replication and creation only (V1)',
          hint: 'On pulls and pushes the policies of repositories decide alone. Refused while the registry policy names other actions.',
        },
      },
    },
    BLOB_MOUNTING: {
      name: 'Mounting of layers',
      values: {
        ENABLED: {
          label: 'On',
          hint: 'A push takes a layer that another repository has already, if who pushes may pull it there, without sending it again.',
        },
        DISABLED: { label: 'Off', hint: 'A push sends every layer that its repository does not have.' },
      },
    },
    BASIC_SCAN_TYPE_VERSION: {
      name: 'Basic scanning by',
      values: {
        AWS_NATIVE: { label: 'AWS_NATIVE', hint: 'Stored only: nothing scans images yet.' },
        CLAIR: { label: 'CLAIR', hint: 'Stored only: nothing scans images yet.' },
      },
    },
  },

  // Scanning
  scanning: 'Scanning',
  scanningDescription:
    'Stored as it is set here, or by ECR’s clients with PutRegistryScanningConfiguration. Nothing scans images yet, so there are no findings.',
  editScanning: 'Edit scanning',
  nothingScans: 'Nothing scans images yet: what is set here is stored, and shown to clients that ask.',
  scanningSaved: 'The scanning configuration is saved',
  scanType: 'Type',
  scanTypes: { BASIC: 'Basic', ENHANCED: 'Enhanced' },
  scanTypeHints: {
    BASIC: 'These rules count, and what is set of a repository itself.',
    ENHANCED: 'These rules count alone, and may have images scanned continuously.',
  },
  scanRules: 'Rules',
  scanFrequencies: { SCAN_ON_PUSH: 'On push', CONTINUOUS_SCAN: 'Continuously', MANUAL: 'When asked for' },
  scanRule: (when: string, repositories: string) => `${when}: ${repositories}`,
  noScanRules: 'No rules',
  scanFrequencyHints: {
    SCAN_ON_PUSH: 'Repositories whose images are scanned once, when they are pushed.',
    CONTINUOUS_SCAN:
      'Repositories whose images are scanned when they are pushed, and again from time to time. Goes before “On push”.',
    MANUAL: 'Repositories whose images are scanned when a client asks for it. “On push” goes before.',
  },
  scanFilter: 'Filter',
  scanFilterHint:
    'Lower-case letters, digits and . _ - / between them; * stands for any characters. A filter without * is for names that have it anywhere, and * alone for all.',
  addScanFilter: (when: string) => `Add filter: ${when}`,
  removeScanFilter: (filter: string, when: string) => `Remove filter ${filter}: ${when}`,
  removedScanFilter: 'The filter is removed',
  noScanRule: 'No repositories',
  scanRuleDropped: (when: string) => `The rule “${when}” is not saved: this type has none.`,
  scanFilterProblems: {
    empty: 'Type a filter, or remove it',
    characters: 'A filter has only lower-case letters, digits, . _ - / and *',
    long: 'A filter has at most 255 characters',
    separators: 'A filter begins and ends with a letter, a digit or *, and has one of . _ - / between them',
    twice: 'This filter is there already',
  },

  // Pull-time exclusions
  exclusions: 'Pull-time exclusions',
  exclusionsDescription:
    'Pulls of these do not count as use: an image that only they pull is, to lifecycle policies, one that nobody pulls.',
  principal: 'Principal',
  actions: 'Actions',
  noExclusions: 'No exclusions',
  noExclusionsAdvice: 'Every pull counts.',
  addExclusion: 'Add exclusion',
  principalHint: 'The ARN of a user or a role, or of the root of an account.',
  principalProblem: 'This is no ARN of a user, a role or a root, such as arn:aws:iam::111122223333:user/scanner',
  excluded: 'Its pulls do not count any more',
  includePulls: (principal: string) => `Remove the exclusion of ${principal}`,
  included: 'Its pulls count again',
};
