import type { Messages } from '..';

export const permissions: Messages['permissions'] = {};
