import type { Messages } from '..';

export const activity: Messages['activity'] = {};
