import { TextPool } from '#schemas';

const POOL_BITS = 16;

/** The keys that this thread has read lately: a few of them have most of the records. */
export const keys = new TextPool(POOL_BITS);
