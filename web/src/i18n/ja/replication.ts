import type { Messages } from '..';

export const replication: Messages['replication'] = {};
