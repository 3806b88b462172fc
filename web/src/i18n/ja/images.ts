import type { Messages } from '..';

export const images: Messages['images'] = {};
