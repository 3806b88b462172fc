const several = (count: number, one: string, many: string) =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
const days = (count: number) => several(count, 'day', 'days');

export const lifecycle = {
  title: 'Lifecycle policy',
  description:
    'Deletes images that nobody needs any more. The rules and the JSON are the same policy; nothing changes before you save.',
  json: 'Lifecycle policy as JSON',
  revert: 'Revert',
  unchanged: 'There is nothing to save.',
  notSaved: 'Not saved yet',
  fixFirst: 'The policy has a mistake. Fix it first.',
  saved: 'The lifecycle policy is saved',
  savedAdvice: 'When it runs is said below. Until then it deletes nothing, and can be changed or removed.',
  removed: 'The lifecycle policy is removed',
  noPolicy: 'No policy',

  // Where there is none
  none: 'No lifecycle policy: every image stays',
  noneAdvice: 'Begin with a ready-made policy, and change it before you save.',
  presets: {
    keepLast: 'Keep the newest 30 images',
    untagged: 'Delete untagged images after 7 days',
    releases: 'Releases stay, others go after 30 days',
    unused: 'Delete what was not pulled for 30 days',
  },
  descriptions: {
    releases: 'Releases stay',
    others: 'Everything else goes after 30 days',
  },

  // The rules
  rulesAdvice: 'An image is a matter of the first rule that its tags fit, whether or not that rule acts on it.',
  ruleCount: (count: number, most: number) => `${count} of ${several(most, 'rule', 'rules')}`,
  notShown: 'The JSON cannot be shown as rules. Correct it there first; these are the rules that it had before.',
  hidden: (members: string) => `Only the JSON shows ${members}. It stays as it is.`,
  addRule: 'Add rule',
  clear: 'Remove all rules',
  rule: (priority: string, description = '') => `Rule ${priority}${description ? `: ${description}` : ''}`,
  moveUp: (priority: string) => `Move rule ${priority} up`,
  moveDown: (priority: string) => `Move rule ${priority} down`,
  isFirst: 'It acts first already.',
  isLast: 'It acts last already.',
  mistake: 'Has a mistake',
  removeRule: (priority: string) => `Remove rule ${priority}`,
  noPriority: 'without priority',
  priority: 'Priority',
  priorityHint: 'The lowest acts first.',
  ruleDescription: 'Description',
  images: 'Images',
  tagStatuses: { tagged: 'Tagged', untagged: 'Untagged', any: 'Any' },
  tagLists: { tagPatternList: 'Patterns', tagPrefixList: 'Prefixes' },
  list: 'Tags by',
  listHints: {
    tagPatternList: '* stands for any characters. An image must have a tag for each pattern.',
    tagPrefixList: 'Tags that begin so. An image must have a tag for each prefix.',
  },
  tag: { tagPatternList: 'Pattern', tagPrefixList: 'Prefix' },
  addTag: { tagPatternList: 'Add pattern', tagPrefixList: 'Add prefix' },
  removeTag: (tag: string) => `Remove ${tag}`,
  noTags: 'None yet',
  count: 'Those',
  countTypes: {
    imageCountMoreThan: 'Beyond the newest',
    sinceImagePushed: 'Pushed longer ago than',
    sinceImagePulled: 'Not pulled for',
    sinceImageTransitioned: 'Archived longer ago than',
  },
  countOfImages: 'How many',
  countOfDays: 'Days',
  action: 'Action',
  actions: { expire: 'Delete', transition: 'Archive' },
  noArchive: 'This version has no archive: the images stay where they are, and later rules leave them alone.',
  beyond: 'Beyond ECR',
  beyondAdvice: 'These keep images that the rule would act on. Amazon ECR refuses a policy that has one.',
  unsigned: 'Only images without a signature',
  sinceTagged: 'Keep for so many days after the last tag',
  sincePulled: 'Keep for so many days after the last pull',
  off: 'Off',

  // A rule in a sentence
  about: (tagStatus: 'tagged' | 'untagged' | 'any', tags: string, unsigned: boolean) => {
    const without = unsigned ? ' without a signature' : '';
    return {
      any: `All images${without}`,
      untagged: `Untagged images${without}`,
      tagged: `Images tagged ${tags}${without}`,
    }[tagStatus];
  },
  does: (
    action: 'expire' | 'transition',
    countType: 'imageCountMoreThan' | 'sinceImagePushed' | 'sinceImagePulled' | 'sinceImageTransitioned',
    count: number,
  ) => {
    const verb = { expire: 'delete', transition: 'archive' }[action];
    return {
      imageCountMoreThan: `${verb} all but the newest ${count.toLocaleString('en')}`,
      sinceImagePushed: `${verb} ${days(count)} after the push`,
      sinceImagePulled: `${verb} ${days(count)} after the last pull`,
      sinceImageTransitioned: `${verb} ${days(count)} after they were archived`,
    }[countType];
  },
  keeps: (sinceTagged: number | undefined, sincePulled: number | undefined) =>
    [
      ...(sinceTagged ? [`tagged in the last ${days(sinceTagged)}`] : []),
      ...(sincePulled ? [`pulled in the last ${days(sincePulled)}`] : []),
    ].join(' or '),
  sentence: (about: string, does: string, keeps: string) => `${about}: ${does}${keeps ? `, unless ${keeps}` : ''}`,
  incomplete: 'Not complete yet',

  // The preview
  preview: 'Preview',
  previewAdvice: 'What the policy above would do to the images that are here now. It deletes nothing.',
  previewNow: 'Preview now',
  previewAgain: 'Preview again',
  previewEmpty: 'Without a policy every image stays.',
  previewAfterFix: 'The preview follows once the policy has no mistake.',
  previewAsked: 'See what this policy would delete if it ran now.',
  finding: 'Finding the images…',
  wouldExpire: (count: number, size: string) => `Would expire ${several(count, 'image', 'images')}, ${size}`,
  wouldExpireNone: 'Would expire no image',
  wouldTransition: (count: number) =>
    `${several(count, 'image', 'images')} would be archived; this version has no archive, so they stay.`,
  sizes: 'Layers count in each image that has them; those that images which stay have, too, free no disk.',
  asOf: (time: string) => `As of ${time}`,
  previewFailed: 'The preview failed',
  replaced: 'Someone else has asked for another preview of this repository meanwhile.',
  image: 'Image',
  untagged: 'untagged',
  moreTags: (count: number) => `and ${count.toLocaleString('en')} more`,
  size: 'Size',
  pushedAt: 'Pushed',
  appliedRule: 'By rule',
  marks: { EXPIRE: 'Delete', TRANSITION: 'Archive' },
  previewPages: 'Pages of the preview',
  noImages: 'No images',

  // The runs
  runs: 'Runs',
  runsAdvice: 'Of the last 30 days.',
  nextRun: (time: string) => `The next one begins at ${time}.`,
  nextRunDue: 'The next one begins within minutes.',
  noRuns: 'No runs yet',
  noRunsAdvice:
    'A policy runs first an hour after it was set, and every 12 hours then, unless the server is set otherwise.',
  startedAt: 'Began',
  status: 'Status',
  statuses: { IN_PROGRESS: 'Running', COMPLETE: 'Done', FAILED: 'Failed' },
  took: (duration: string) => `in ${duration}`,
  marked: 'Found',
  markedOf: (count: number, size: string) => `${several(count, 'image', 'images')}, ${size}`,
  markedNone: 'None',
  expired: 'Deleted',
  runPages: 'Pages of the runs',
  run: (time: string) => `Run of ${time}`,
  runPolicy: 'The policy that ran',
  runImages: 'Images',
  runImagePages: 'Pages of the run’s images',
  outcome: 'Outcome',
  outcomes: { WAITING: 'Waiting', EXPIRED: 'Deleted', KEPT: 'Kept' },
};
