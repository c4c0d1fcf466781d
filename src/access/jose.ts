import { createRequire } from 'node:module';
import type * as Jose from 'jose';

const require = createRequire(import.meta.url);

/** Loaded at its first use: few processes have an issuer of tokens. */
export const jose = (): typeof Jose => require('jose');
