import type { Messages } from '..';

export const repositories: Messages['repositories'] = {};
