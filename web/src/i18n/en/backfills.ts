export const backfills = {
  title: 'Backfills',
  description: 'Replicate the images that are here already. Those of the last 90 days are listed, the latest first.',
  none: 'No backfills yet',
  noneAdvice: 'Choose Replicate existing beside a destination, and what is here already goes there.',
  pages: 'Pages of the backfills',

  // Of a destination
  existing: 'Images here already',
  start: 'Replicate existing',
  startFor: (place: string) => `Replicate existing images to ${place}`,
  underWay: (region: string) => `A backfill to the Region ${region} is under way. Wait until it ends, or stop it.`,
  startTitle: (place: string) => `Replicate existing images to ${place}?`,
  startAdvice:
    'All images of the repositories that the rules send there are replicated, as if they were pushed now: tags there move to what they name here. What the destination has already is not sent again. Pushes come first.',
  confirm: 'Replicate',
  started: 'The backfill has begun',

  // The list
  destination: 'Destination',
  status: 'Status',
  statuses: {
    PREPARING: 'Looking for images',
    IN_PROGRESS: 'In progress',
    COMPLETE: 'Done',
    FAILED: 'Failed',
    STOPPING: 'Stopping',
    STOPPED: 'Stopped',
  },
  progress: 'Images',
  progressOf: (place: string) => `Progress of the backfill to ${place}`,
  doneOf: (done: string, all: string) => `${done} of ${all}`,
  noImages: 'No images',
  failed: 'Failed',
  startedAt: 'Started',
  took: (time: string) => `took ${time}`,
  actions: 'Actions',
  stop: 'Stop',
  stopOf: (place: string) => `Stop the backfill to ${place}`,
  stopped: 'The backfill stops. What it has begun to replicate goes on.',
  results: 'Results',
  resultsOf: (place: string) => `Results of the backfill to ${place}`,

  // What came of its images
  resultsAdvice: (time: string) => `It began ${time}. An image that failed then may be there by now: results stay.`,
  resultStatus: 'Which images',
  resultStatuses: { FAILED: 'Failed', COMPLETE: 'Done' },
  withCount: (status: string, count: string) => `${status} (${count})`,
  image: 'Image',
  reason: 'Reason',
  noResults: 'No such images',
  resultPages: 'Pages of the results',
};
