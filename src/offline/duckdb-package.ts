import { createRequire } from 'node:module';
import type * as Api from '@duckdb/node-api';
import type * as Bindings from '@duckdb/node-bindings';

const require = createRequire(import.meta.url);

/** Loaded at their first use: a fifth of what a command takes to start, and few of them query anything. */
export const duckDbApi = (): typeof Api => require('@duckdb/node-api');
export const duckDbBindings = (): typeof Bindings => require('@duckdb/node-bindings');
