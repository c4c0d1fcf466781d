import { createRequire } from 'node:module';
import type * as Ioredis from 'ioredis';

const require = createRequire(import.meta.url);

/** Loaded at its first use: few installations have Redis. */
export const ioredis = (): typeof Ioredis => require('ioredis');
