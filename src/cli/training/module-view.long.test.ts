import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const door = JSON.stringify(join(import.meta.dirname, '../../../features/index.ts'));

const view = `
  import { defineView, newest, sum } from ${door};
  export const userTrends = defineView({
    name: 'user-trends', version: 1, entity: 'user', owner: 'tests', description: 'Events of a user.', tags: [],
    exampleField: 'trends',
    filter: () => true,
    key: (event) => event.user_id,
    aggregations: { events: sum(() => 1), last: newest() },
    row: { events: 'long' },
    updated: ({ last }) => last,
    ttlMs: null,
    finish: ({ events }) => ({ events }),
  });`;

it('a view of a module is in the snapshot that a model is trained on', { timeout: 600_000 }, async (t) => {
  const configuration = {
    ...smallWorld,
    features: { modules: ['./user-trends.ts'] },
    training: { models: ['ease'] },
  };
  const { directory, begin, run, print } = commandLine(t, configuration);
  writeFileSync(join(directory, 'user-trends.ts'), view);
  const start = begin(['start', '--json']);
  const [, text = ''] = await start.until(/^(\{.*"url".*\})$/m);
  const { version } = JSON.parse(text) as { readonly version: string };
  assert.equal((await start.signal('SIGINT')).code, 0);

  const shown = await print(['features', 'show', 'user-trends', '--json']);
  const [described] = jsonLines<{ models: string[]; lineage: { topics: string[] } }>(shown.out);
  assert.deepEqual(described?.models, [version]);
  assert.ok(described?.lineage.topics.includes('interactions-accepted'), 'it names its source');
  const written = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const statistics = written.find((path) => path.endsWith('statistics.json')) ?? '';
  const { columns } = JSON.parse(readFileSync(join(directory, statistics), 'utf8'));
  const trends = columns.find(({ name }: { name: string }) => name === 'trends_events');
  assert.ok(trends.all.max > 0, JSON.stringify(trends));

  const alone = await run(['snapshot', '--json']);
  const [snapshot] = jsonLines<{ columns: { name: string }[] }>(alone.out);
  assert.ok(
    snapshot?.columns.some(({ name }) => name === 'trends_events'),
    'it is in one that is taken without a running start, too',
  );
});
