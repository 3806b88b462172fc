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
    'Stored as ECR’s clients set it, with PutRegistryScanningConfiguration. Nothing scans images yet, so there are no findings.',
  scanType: 'Type',
  scanTypes: { BASIC: 'Basic', ENHANCED: 'Enhanced' },
  scanRules: 'Rules',
  scanFrequencies: { SCAN_ON_PUSH: 'On push', CONTINUOUS_SCAN: 'Continuously', MANUAL: 'When asked for' },
  scanRule: (when: string, repositories: string) => `${when}: ${repositories}`,
  noScanRules: 'No rules',

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
