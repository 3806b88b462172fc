import type { Messages } from '..';

export const registry: Messages['registry'] = {};
