import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { rocksDatabases } from '#engine';
import type { Snapshot } from '#schemas';
import { commandLine, jsonLines } from '../testing/command-line.ts';

/** Nothing would look like this. */
const none = { code: -1, out: '', err: 'nothing was printed' };

type Finding = {
  readonly task: string;
  readonly result: string;
  readonly records?: number;
  readonly state?: string;
  readonly files?: number;
  readonly stores?: readonly object[];
};

it('of what a start has made', async (t) => {
  const { begin, run, runEach, directory } = commandLine(t);
  const started = begin(['start']);
  await started.until(/^Serving +http:/m);

  await t.test('a snapshot is taken by the running start or here, and shows what it holds', async () => {
    const taken = await run(['snapshot', '--split', 'by-time', '--json']);
    assert.deepEqual({ code: taken.code, err: taken.err }, { code: 0, err: '' });
    const [byStart] = jsonLines<Snapshot>(taken.out);
    assert.equal(byStart?.protocol, 'by-time-last-20%');
    assert.match(byStart?.command_id ?? '', /^snapshot-/);
    const [beside = none] = await runEach([['verify', '--task', 'interactions-0']]);
    assert.match(beside.err, /^The state on disk is not compared: .* \(millrace start\) has it open\.$/m);
    assert.match(beside.out, /^interactions-0: equal \(.*\): state on disk in use\n$/);
    assert.equal((await started.signal('SIGTERM')).code, 0);

    const [last = none, here = none, wrong = none] = await runEach([
      ['snapshot', '--last', '--json'],
      ['snapshot', '--negatives', '1'],
      ['snapshot', '--split', 'odd'],
    ]);
    assert.deepEqual(jsonLines<Snapshot>(last.out)[0], byStart);
    assert.equal(here.code, 0, here.err);
    assert.match(here.out, /^snapshot [0-9a-f]{16} in snapshots\/[0-9a-f]{16}: examples before 20/);
    assert.match(
      here.out,
      /\nper-user-last-20%: [\d,]+ train, [\d,]+ validation, [\d,]+ test\n60 users, 60 items, /,
    );
    assert.match(here.out, /\n[\d,]+ sampled negatives\n/);
    assert.match(here.out, /\nitem_popularity +(?:[\d.]+% +)?[\d,]+ +/);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /^error MR_USAGE: .*--split/);
  });

  await t.test(
    'verify proves what the processors have done, and says what a rebuild can\u2019t',
    async () => {
      const [replayed = none, alone = none, rebuilt = none, unknown = none] = await runEach([
        ['verify', '--json'],
        ['verify', '--from-log', '--task', 'interactions-0'],
        ['verify', '--from-log', '--task', 'interactions-accepted-0'],
        ['verify', '--task', 'nobody'],
      ]);
      assert.equal(replayed.err, '');
      const findings = jsonLines<Finding>(replayed.out);
      for (const { task, result, state, files } of findings) {
        const expected = files === undefined ? 'equal' : undefined;
        assert.deepEqual({ task, result, state }, { task, result: 'equal', state: expected });
      }
      assert.equal(replayed.code, 0);
      assert.ok(findings.reduce((sum, { records = 0 }) => sum + records, 0) > 3_000);

      assert.equal(alone.code, 1);
      assert.match(
        alone.out,
        /^interactions-0: unknown: The state of admission, .* in interactions-0, or after it, depends on/,
      );
      assert.equal(rebuilt.out, 'interactions-accepted-0: equal: state on disk equal\n');
      assert.equal(unknown.code, 2);
      assert.match(unknown.err, /^error MR_USAGE: There is no task nobody\./);
    },
  );

  await t.test('verify reads the rows on disk: one altered, one removed, all of them gone', async () => {
    const state = join(directory, '.millrace/state');
    const [topology] = readdirSync(state).filter((name) => name.startsWith('loop-'));
    const databases = rocksDatabases(join(state, topology ?? assert.fail()));
    const database = await databases.open('interactions-0');
    const prefix = Buffer.from('\x01\x10admission/recent');
    const scan = database.scan({ gte: prefix, lt: Buffer.from('\x01\x10admission/recenu') });
    const [first, second] = (await Array.fromAsync(scan)).flat();
    assert.ok(first?.value && second);
    await database.write([
      { key: first.key, value: Buffer.concat([first.value, Buffer.from([1])]) },
      { key: second.key, value: null },
    ]);
    await database.close();
    const verify = ['verify', '--task', 'interactions-0'];
    const [inJson = none, asText = none] = await runEach([[...verify, '--json'], verify]);
    assert.deepEqual([inJson.code, asText.code], [1, 1]);
    const firstKey = first.key.toString('utf8', prefix.length);
    const [{ result, state: found, stores } = { result: '' }] = jsonLines<Finding>(inJson.out);
    assert.deepEqual(
      [result, found, stores],
      ['different', 'different', [{ name: 'admission/recent', result: 'different', rows: 2, firstKey }]],
    );
    assert.match(asText.out, /: state on disk different; admission\/recent: 2 rows differ, first at key "/);

    const [repaired = none, proven = none, unknown = none] = await runEach([
      ['repair', 'interactions-0'],
      verify,
      ['repair', 'nothing-0'],
    ]);
    assert.deepEqual([repaired.code, repaired.out], [0, 'interactions-0 was made again\n'], repaired.err);
    assert.match(proven.out, /^interactions-0: equal \(.*\): state on disk equal\n$/);
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /^error MR_REPAIR_UNKNOWN: .*\nhint: Name one of .*interactions-0/);

    renameSync(state, join(directory, 'elsewhere'));
    const [gone = none] = await runEach([verify]);
    assert.match(gone.out, /^interactions-0: equal \(.*\): state on disk not here\n$/);
    assert.deepEqual([gone.code, existsSync(state)], [0, false]);
  });

  await t.test(
    'a damaged version is repaired from another directory that has it, whole, or not at all',
    async () => {
      const versions = join(directory, '.millrace/versions');
      const [version = ''] = readdirSync(versions).filter((name) => /^[0-9a-f]{16}$/.test(name));
      for (const other of ['other', 'damaged']) {
        cpSync(join(versions, version), join(directory, other, 'versions', version), { recursive: true });
      }
      const file = (data: string) => join(directory, data, 'versions', version, 'manifest.json');
      const sound = readFileSync(file('other'));
      const flipped = Buffer.from(sound);
      flipped[10] = (flipped[10] as number) ^ 1;
      for (const data of ['.millrace', 'damaged']) writeFileSync(file(data), flipped);
      const [alone = none, damaged = none] = await runEach([
        ['repair', version],
        ['repair', version, '--from', 'damaged'],
      ]);
      assert.deepEqual([alone.code, damaged.code], [1, 1]);
      assert.match(alone.err, /^error MR_REPAIR_IMPOSSIBLE: .*\nhint: .*--from DIR/);
      assert.match(damaged.err, /^error MR_VERSION_CORRUPT: /);
      assert.deepEqual(readFileSync(file('.millrace')), flipped);
      const [repaired = none] = await runEach([['repair', version, '--from', 'other']]);
      assert.deepEqual(
        [repaired.code, repaired.out],
        [0, `version ${version} was made again\n`],
        repaired.err,
      );
      assert.deepEqual(readFileSync(file('.millrace')), sound);
      assert.ok(readdirSync(join(directory, '.millrace')).every((name) => !name.includes('repair-')));
    },
  );
});
