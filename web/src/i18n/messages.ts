import type * as en from './en';

/** The catalogue's type is that of English. */
export type Messages = typeof en;
