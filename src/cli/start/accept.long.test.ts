import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '#platform/testing';
import { type CommandLine, jsonLines } from '../testing/command-line.ts';
import { earlierDirectory, preloaded } from '../testing/earlier-directory.ts';

/** At the time of the data, by code that has another name for one of its stores. */
const renamed = preloaded('winter-clock.ts', 'renamed-store.ts');

const configuration = {
  http: { port: 0 },
  simulation: { liveEventsPerSecond: 0 },
  training: { schedule: 'off', refresh: 'off' },
  versions: { gates: {}, production: 'any' },
  gate: { minimumLift: 0 },
};

type Plan = {
  readonly hash: string;
  readonly isSafe: boolean;
  readonly topologies: readonly { readonly stores: readonly { store: string; fate: string }[] }[];
};
type Act = { readonly act: string; readonly subject: string; readonly result: string };

async function acts(line: CommandLine) {
  const { out } = await line.print(['events', 'tail', 'audit', '-n', '10', '--json']);
  return jsonLines<{ readonly value: Act }>(out).map(({ value: { act, subject, result } }) => [
    act,
    subject,
    result,
  ]);
}

it('a start of code that state does not fit needs the hash of its plan, and does what that says', {
  timeout: 300_000,
}, async (t) => {
  const line = earlierDirectory(t, configuration);
  const planned = await line.run(['plan', '--json'], renamed);
  const [plan = assert.fail(planned.err)] = jsonLines<Plan>(planned.out);
  assert.deepEqual([planned.code, plan.isSafe], [1, false]);
  const changed = plan.topologies[0]?.stores.filter(({ fate }) => !['kept', 'new'].includes(fate)) ?? [];
  assert.deepEqual(
    changed.map(({ store, fate }) => [store, fate]),
    [['popularity-ranks/perHour', 'renamed']],
  );
  const hint = new RegExp(`MR_PLAN_UNSAFE[^]*popularity-ranks/[^]*--accept ${plan.hash}`);
  for (const accept of [[], ['--accept', '0123456789ab']]) {
    const refused = await line.run(['start', ...accept], renamed);
    assert.equal(refused.code, 2);
    assert.match(refused.err, hint);
  }
  const start = line.begin(['start', '--accept', plan.hash], renamed);
  await start.until(/^Serving +http:/m);
  await eventually(async () => (await acts(line)).length >= 2);
  assert.equal((await start.signal('SIGTERM')).code, 0);

  const after = await line.run(['plan', '--json'], renamed);
  assert.deepEqual([after.code, jsonLines<Plan>(after.out)[0]?.isSafe], [0, true], after.err);
  const verified = await line.run(['verify', '--task', 'interactions-accepted-0'], renamed);
  assert.equal(verified.code, 0, verified.out);
  assert.deepEqual(await acts(line), [
    ['start --accept', '0123456789ab', 'failed'],
    ['start --accept', plan.hash, 'done'],
  ]);
});
