import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compareWithRebuild, verify } from '#engine';
import { systemClock } from '#platform';
import { logger, openLog, start, stop, write } from './setting.ts';
import { watching, wideTotals, wideViews } from './watching.ts';

it('verify, and compare with a rebuild', async (t) => {
  const log = await openLog(t);
  await log.createTopics([wideViews, wideTotals]);
  const topology = watching();
  await write(
    log,
    wideViews,
    ['ann', { item: 'a', seconds: 30 }, 1_000],
    ['bob', { item: 'a', seconds: 3 }, 2],
  );
  await stop(await start(t, log, topology));
  let commits = 0;
  // example: verify
  for await (const { task, difference, ...done } of verify({ log, topology, logger })) {
    assert.equal(difference, undefined, task);
    commits += done.commits;
  }
  // end
  assert.ok(commits > 0);
  // example: compare-with-rebuild
  for await (const { task, stores } of compareWithRebuild({ log, topology, logger, clock: systemClock })) {
    assert.deepEqual([stores.different, stores.incomparable], [[], []], task);
  }
  // end
});
