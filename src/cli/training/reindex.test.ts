import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { IndexBuild } from '#schemas';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

it('reindex builds the index of the version in force, by a running start and without one', async (t) => {
  const { begin, run } = commandLine(t, smallWorld);
  const none = await run(['reindex']);
  assert.deepEqual([none.code, /MR_\w+/.exec(none.err)?.[0]], [2, 'MR_DATA_EMPTY']);
  const start = begin(['start', '--json']);
  const up = JSON.parse((await start.until(/^\{"url".*\}$/m))[0]) as { url: string; version: string };
  const [beside] = jsonLines<IndexBuild>((await run(['reindex', '--json'])).out);
  assert.equal(beside?.version, up.version);
  const health = async () => (await fetch(`${up.url}/metrics`, { headers: { connection: 'close' } })).text();
  while (!(await health()).includes('index_loads_total{outcome="loaded"} 1'));
  assert.equal((await start.signal('SIGINT')).code, 0);

  const alone = await run(['reindex']);
  assert.equal(alone.code, 0, alone.err);
  assert.match(
    alone.out,
    new RegExp(`^index ${beside?.index} of version ${up.version}: \\d+ items, exact$`, 'm'),
  );
});
