export const templates = {
  // The list
  title: 'Creation templates',
  description: 'What repositories begin with that a push or a replication creates.',
  none: 'No creation templates yet',
  noneAdvice:
    'A push to a repository that is not there fails, and replications create repositories with the defaults. A template changes both.',
  create: 'Create template',
  prefix: 'Prefix',
  root: 'Any other repository (ROOT)',
  matches: (prefix: string) => `${prefix}/…`,
  appliedFor: 'Applied for',
  occasions: {
    CREATE_ON_PUSH: 'Push',
    REPLICATION: 'Replication',
    PULL_THROUGH_CACHE: 'Pull-through cache',
  },
  gives: 'Gives',
  hasPolicy: 'Repository policy',
  hasLifecycle: 'Lifecycle policy',
  hasTags: (count: number) => (count === 1 ? '1 resource tag' : `${count} resource tags`),
  changed: 'Changed',
  actions: 'Actions',
  editOf: (prefix: string) => `Edit the template ${prefix}`,
  deleteOf: (prefix: string) => `Delete the template ${prefix}`,
  pages: 'Pages of the templates',

  // Delete
  deleteTitle: (prefix: string) => `Delete the template ${prefix}?`,
  deleteAdvice: 'Repositories that it has made stay as they are. What is created from now on does without it.',
  deleted: (prefix: string) => `The template ${prefix} is deleted`,

  // Create and edit
  createTitle: 'Create template',
  editTitle: (prefix: string) => `Template ${prefix}`,
  general: 'What it is for',
  prefixHint:
    'It holds for repositories whose names begin with this and a slash; of several the longest alone. ROOT holds for what no other is for.',
  prefixNeeded: 'Enter a prefix, or ROOT',
  prefixProblem:
    'A prefix is ROOT, or at most 256 lower-case letters and digits with one of . _ - or a slash between them',
  prefixTaken: 'There is a template of this prefix already',
  appliedForHint: 'When it makes a repository.',
  occasionHints: {
    CREATE_ON_PUSH: 'A push to a repository that is not there creates it.',
    REPLICATION: 'A replication that finds no repository creates it so.',
    PULL_THROUGH_CACHE: 'Kept for pull-through caches, which this version does not have.',
  },
  appliedForNeeded: 'Choose one at least',
  templateDescription: 'Description',
  descriptionLong: 'A description has at most 256 characters',
  repositoryPolicy: 'Repository policy',
  repositoryPolicyAdvice:
    'Who else may pull from and push to the repositories: who may push by it may create them, too.',
  lifecyclePolicy: 'Lifecycle policy',
  lifecyclePolicyAdvice: 'Which of their images are deleted after a while.',
  tags: 'Resource tags',
  tagsAdvice: 'Keys and values that the repositories begin with.',
  fixFirst: 'Correct what is marked first.',
  created: (prefix: string) => `The template ${prefix} is created`,
  saved: (prefix: string) => `The template ${prefix} is saved`,
  gone: (prefix: string) => `There is no template ${prefix} in this registry`,
  goneAdvice: 'It may have been deleted, or be in another account or Region.',
  toList: 'Show all templates',
};
