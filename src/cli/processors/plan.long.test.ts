import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { type StoreAnswer, writeRecords } from '#engine';
import { jsonTopic } from '#engine/testing';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { commandLine } from '../testing/command-line.ts';

const clicks = jsonTopic<number>('clicks', 2);
const [engine, testing] = ['engine/index.ts', 'engine/testing/index.ts'].map((path) =>
  JSON.stringify(join(import.meta.dirname, '../..', path)),
);

/** Counts of clicks by key; `type` is the fingerprint of the counts. */
const moduleOf = (type: string) => `
  import { TopologyBuilder } from ${engine};
  import { json, jsonTopic } from ${testing};
  const builder = new TopologyBuilder({ name: 'counting', generation: 1 });
  builder.source(jsonTopic('clicks', 2)).count('count', { value: json('${type}') });
  export default builder.build();`;

async function counted(t: TestContext) {
  const command = commandLine(t, { http: { port: 0 } });
  const write = (name: string, type: string) => writeFileSync(join(command.directory, name), moduleOf(type));
  const directory = join(command.directory, '.millrace');
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  await log.createTopics([clicks]);
  await writeRecords(
    log,
    clicks,
    ['a', 'b', 'a', 'c'].map((key) => ({ key, value: 1, timestamp: 1 })),
  );
  await log.close();
  write('counts.ts', 'one');
  /** Runs until all is counted. */
  const run = async (module: string, ...more: readonly string[]) => {
    const running = command.begin(['run', module, '--json', ...more]);
    const [, url = ''] = await running.until(/"url":"(http:[^"]+)"/);
    await eventually(async () => {
      const answer = await fetch(`${url}/stores/count/state?key=a`);
      const { entries = [] } = (await answer.json()) as Partial<StoreAnswer>;
      return entries[0]?.value === 2;
    });
    assert.equal((await running.signal('SIGTERM')).code, 0);
  };
  return { ...command, write, run };
}

type Shown = {
  readonly hash: string;
  readonly isSafe: boolean;
  readonly records: number;
  readonly bytes: number;
  readonly rates: { readonly commits: number; readonly stateBytes: number };
  readonly topologies: readonly { readonly stores: readonly { store: string; fate: string }[] }[];
};

it('a start that does not fit its state needs the hash of the plan that is shown; a reset, too', {
  timeout: 300_000,
}, async (t) => {
  const { run, begin, runEach, write, ...line } = await counted(t);
  const planOf = async (module: string) => {
    const [{ code, out } = assert.fail()] = await runEach([['plan', module, '--json']]);
    return { code, plan: JSON.parse(out) as Shown };
  };
  const first = await planOf('counts.ts');
  assert.deepEqual([first.code, first.plan.isSafe], [0, true]);
  await run('counts.ts');
  write('other.ts', 'two');
  const { code, plan } = await planOf('other.ts');
  assert.deepEqual([code, plan.isSafe, plan.records], [1, false, 4]);
  assert.ok(plan.rates.commits > 0);
  // All rows are made again, and take what they take now.
  assert.equal(plan.bytes, plan.rates.stateBytes);
  assert.deepEqual(plan.topologies[0]?.stores, [
    { ...plan.topologies[0]?.stores[0], store: 'count/state', fate: 'rebuilt' },
  ]);
  for (const accept of [[], ['--accept', '0123456789ab']]) {
    const refused = await begin(['run', 'other.ts', ...accept]).ended;
    assert.match(refused.err, new RegExp(`MR_TOPOLOGY_STATE_CHANGED[^]*--accept ${plan.hash}`));
  }
  // What was refused has changed nothing.
  assert.equal((await planOf('counts.ts')).code, 0);
  await run('other.ts', '--accept', plan.hash);
  assert.equal((await planOf('other.ts')).code, 0);

  const [shown = assert.fail()] = await runEach([['reset', 'other.ts']]);
  assert.equal(shown.code, 1);
  const hash = /--accept (\w+)/.exec(shown.out)?.[1] ?? assert.fail(shown.out + shown.err);
  const running = begin(['run', 'other.ts', '--json']);
  await running.until(/"url"/);
  const [during = assert.fail()] = await runEach([['reset', 'other.ts', '--accept', hash]]);
  assert.match(during.err, /MR_DATA_LOCKED/);
  assert.equal((await running.signal('SIGTERM')).code, 0);
  const [wrong = assert.fail(), done = assert.fail()] = await runEach([
    ['reset', 'other.ts', '--accept', '0123456789ab'],
    ['reset', 'other.ts', '--accept', hash],
  ]);
  assert.match(wrong.err, /MR_TOPOLOGY_PLAN_CHANGED/);
  assert.equal(done.code, 0, done.err);
  await run('other.ts');
  const [audit = assert.fail()] = await runEach([['events', 'tail', 'audit', '-n', '100']]);
  for (const [act, result] of [
    ['run --accept', 'done'],
    ['reset', 'failed'],
    ['reset', 'done'],
  ])
    assert.match(audit.out, new RegExp(`"act":"${act}".*"result":"${result}"`));
  assert.ok(line.directory);
});
