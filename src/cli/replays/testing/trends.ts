/** Watched time by user as a view of one's own: rightly, and with a mistake in how it is counted. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type CommandLine, commandLine, smallWorld } from '../../testing/command-line.ts';

const door = JSON.stringify(join(import.meta.dirname, '../../../../features/index.ts'));

const view = `
  import { defineView, newest, sum } from ${door};
  import { weight } from './weight.ts';
  export const userTrends = defineView({
    name: 'user-trends', version: 1, entity: 'user', owner: 'tests', description: 'Events of a user.', tags: [],
    filter: () => true,
    key: (event) => event.user_id,
    aggregations: { weight: sum(weight), last: newest() },
    row: { weight: 'long' },
    updated: ({ last }) => last,
    ttlMs: null,
    finish: ({ weight }) => ({ weight }),
  });`;

export const MISTAKEN = ['--set', 'features.modules=["./user-trends.ts"]'];
export const FIXED = ['--set', 'features.modules=["./fixed/user-trends.ts"]'];

/** `user-trends.ts` counts clicks twice; `fixed/user-trends.ts` does not. */
export function trends(t: TestContext): CommandLine {
  const world = commandLine(t, { ...smallWorld, features: { modules: ['./user-trends.ts'] } });
  mkdirSync(join(world.directory, 'fixed'));
  for (const [directory, clicks] of [
    ['.', 2],
    ['fixed', 1],
  ] as const) {
    const at = (name: string) => join(world.directory, directory, name);
    writeFileSync(at('user-trends.ts'), view);
    writeFileSync(at('weight.ts'), `export const weight = ({ kind }) => (kind === 'click' ? ${clicks} : 1);`);
  }
  return world;
}
