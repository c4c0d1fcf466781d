import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openSimulatedLog } from '#log';
import { type Clock, systemClock } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { rocksDatabases } from '../store/rocksdb/rocksdb-database.ts';
import { TopicWriter } from '../topic-writer.ts';
import type { StoreAnswer } from './store-queries.ts';
import {
  type Instance,
  input,
  PARTITIONS,
  readInput,
  STORE,
  startInstance,
  sumsUpTo,
} from './testing/sums.ts';

type Body = StoreAnswer & { readonly code?: string; readonly hint?: string };

async function get(url: string, path: string, parameters: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${url}/${path}?${new URLSearchParams(parameters)}`);
  return { status: response.status, body: (await response.json()) as Body };
}

/** Asks until the answer is 200 and passes. */
function until(url: string, parameters: Readonly<Record<string, string>>, passes: (body: Body) => boolean) {
  return eventually(String(passes), async () => {
    const { status, body } = await get(url, `stores/${STORE}`, parameters);
    return status === 200 && passes(body) && body;
  });
}

/** Five times as fast: heartbeats of a group come every three seconds. */
const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 5,
  sleep: (ms, signal) => systemClock.sleep(ms / 5, signal),
};

async function cluster(t: TestContext) {
  const log = openSimulatedLog({ clock: fastClock, random: Math.random });
  await log.createTopics([input]);
  const writer = await TopicWriter.open(log, input);
  const instances: Instance[] = [];
  t.after(async () => {
    await writer.close();
    for (const instance of instances) await instance.close();
    await log.close();
  });
  let written = 0;
  return {
    log,
    write: async (count: number) => {
      const records = Array.from({ length: count }, () => {
        written++;
        return { key: `k${written % 40}`, value: written, timestamp: written };
      });
      await writer.write(records);
    },
    /** A process with its own connection and disk. */
    start: async (instanceId: string, options: { readonly standbys?: number } = {}) => {
      const databases = rocksDatabases(temporaryDirectory(t));
      const instance = await startInstance({
        log: log.connect(),
        databases,
        clock: fastClock,
        instanceId,
        ...options,
      });
      instances.push(instance);
      return instance;
    },
  };
}

const membersOf = ({ copies }: StoreAnswer) => new Set(copies.map(({ memberId }) => memberId));
const taken = ({ position }: StoreAnswer) =>
  Object.values(position[input.name] ?? {}).reduce((sum, offset) => sum + offset, 0);

function assertLaw(
  answer: StoreAnswer,
  written: Awaited<ReturnType<typeof readInput>>,
  complete = true,
): void {
  const expected = sumsUpTo(written, answer.position);
  for (const { key, value } of answer.entries) assert.equal(value, expected.get(key), key);
  if (complete) assert.equal(answer.entries.length, expected.size);
}

describe('queries over HTTP', () => {
  it('answer for the whole store at any instance, and for the state that the position says', async (t) => {
    const { log, write, start } = await cluster(t);
    const a = await start('a');
    const b = await start('b');
    await write(400);
    for (const { url } of [a, b]) {
      const all = await until(url, {}, (body) => taken(body) === 400 && membersOf(body).size === 2);
      assertLaw(all, await readInput(log));
      assert.equal(all.entries.length, 40);
      assert.equal(all.copies.length, PARTITIONS);
      for (const { key, value, partition } of all.entries) {
        const one = await get(url, `stores/${STORE}`, { key });
        assert.deepEqual(one.body.entries, [{ key, value, partition }]);
      }
      const first = await get(url, `stores/${STORE}`, { prefix: 'k1', limit: '4' });
      const rest = await get(url, `stores/${STORE}`, { prefix: 'k1', after: first.body.next ?? '' });
      const keys = [...first.body.entries, ...rest.body.entries].map(({ key }) => key);
      assert.deepEqual(
        keys,
        all.entries.map(({ key }) => key).filter((key) => key.startsWith('k1')),
      );
    }
    const encoded = await get(a.url, `stores/${encodeURIComponent(STORE)}`, { key: 'k1' });
    assert.equal(encoded.status, 200);
    const listed = (await (await fetch(`${a.url}/stores`)).json()) as unknown;
    assert.deepEqual(listed, {
      stores: [{ name: STORE, subTopology: 'input', partitions: PARTITIONS, kind: 'key-value' }],
    });
  });

  it('keep the law while tasks move from one instance to another', async (t) => {
    const { log, write, start } = await cluster(t);
    const a = await start('a');
    await write(200);
    const answers: Body[] = [];
    const refusals: Body[] = [];
    const asked = new Set([a]);
    const askAll = async (instance: Instance) => {
      while (asked.has(instance)) {
        const { status, body } = await get(instance.url, `stores/${STORE}`);
        if (status === 200) answers.push(body);
        else refusals.push(body);
        await write(5);
      }
    };
    const first = askAll(a);
    const b = await start('b');
    asked.add(b);
    const second = askAll(b);
    const shared = await until(b.url, {}, (body) => membersOf(body).size === 2);
    assert.deepEqual([...membersOf(shared)].sort(), ['a', 'b']);
    asked.delete(b);
    await b.stop();
    const alone = await until(a.url, {}, (body) => membersOf(body).size === 1 && membersOf(body).has('a'));
    // Those who ask all the time may, on a busy machine, not have asked while both had tasks.
    answers.push(shared, alone);
    asked.clear();
    await Promise.all([first, second]);
    const written = await readInput(log);
    for (const answer of answers) assertLaw(answer, written);
    for (const { code } of refusals) assert.equal(code, 'MR_QUERY_TASK_MOVING');
    const constellations = new Set(
      answers.map(({ copies }) => copies.map(({ memberId }) => memberId).join('')),
    );
    assert.ok(constellations.has('aaaa') && constellations.size > 1, [...constellations].join());
  });

  it('are answered by a standby when asked, for the older state that it has', async (t) => {
    const { log, write, start } = await cluster(t);
    const a = await start('a', { standbys: 1 });
    const b = await start('b', { standbys: 1 });
    await write(400);
    const fromStandbys = ({ copies }: StoreAnswer) =>
      copies.length === PARTITIONS && copies.every(({ role }) => role === 'standby');
    const answers: Body[] = [];
    for (const { url } of [a, b]) {
      await until(url, { staleness: 'standby' }, fromStandbys);
      for (let round = 0; round < 25; round++) {
        await write(40);
        const { status, body } = await get(url, `stores/${STORE}`, { staleness: 'standby' });
        assert.equal(status, 200, JSON.stringify(body));
        answers.push(body);
        const active = await get(url, `stores/${STORE}`);
        assert.ok(active.body.copies.every(({ role }) => role === 'active'));
      }
    }
    const caughtUp = await until(b.url, { staleness: 'standby' }, (body) => taken(body) === 2_400);
    const written = await readInput(log);
    for (const answer of [...answers, caughtUp]) assertLaw(answer, written);
    assert.ok(answers.some((answer) => fromStandbys(answer) && taken(answer) > 0));
    assert.equal(caughtUp.entries.length, 40);
  });

  it('take keys of any characters', async (t) => {
    const { log, start } = await cluster(t);
    const { url } = await start('a');
    const keys = [
      '',
      ' ',
      '/',
      'a/b',
      '%',
      '%2F',
      '+',
      '&',
      '?',
      '#',
      '\u0000',
      '\n',
      'é',
      '😀',
      '\uffff',
      'a'.repeat(2_000),
    ];
    const writer = await TopicWriter.open(log, input);
    await writer.write(keys.map((key, i) => ({ key, value: i + 1, timestamp: i })));
    await writer.close();
    const all = await until(url, {}, (body) => taken(body) === keys.length);
    assert.deepEqual(all.entries.map(({ key }) => key).sort(), keys.toSorted());
    for (const [i, key] of keys.entries()) {
      const { body } = await get(url, `stores/${STORE}`, { key });
      assert.deepEqual(
        body.entries.map(({ key, value }) => [key, value]),
        [[key, i + 1]],
        JSON.stringify(key),
      );
    }
    const paged: string[] = [];
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const { body }: { body: Body } = await get(url, `stores/${STORE}`, {
        limit: '3',
        ...(after && { after }),
      });
      paged.push(...body.entries.map(({ key }) => key));
      after = body.next;
    }
    assert.deepEqual(
      paged,
      all.entries.map(({ key }) => key),
    );
    for (const malformed of ['key=%ff', 'prefix=%ed%a0%80']) {
      const response = await fetch(`${url}/stores/${STORE}?${malformed}`);
      const body = (await response.json()) as Body;
      assert.ok(response.status === 400 || body.entries.length === 0, malformed);
    }
  });

  it('refuse what is wrong with a code and a hint', async (t) => {
    const { start } = await cluster(t);
    const { url } = await start('a');
    for (const [path, parameters, code] of [
      [`stores/${STORE}`, { key: 'k', prefix: 'k' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { kye: 'k' }, 'MR_HTTP_QUERY'],
      [`stores/${STORE}`, { key: 'k', fromMs: 'noon', toMs: '1' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { fromMs: '0', toMs: '1' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { key: 'k', fromMs: '0', toMs: '1' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { limit: 'all' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { position: '[' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { position: '{"input":5}' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { position: '{"input":{"99":5}}' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { position: '{"input":{"0":-1}}' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { position: '{"other":{"0":1}}' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { limit: '10001' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { after: 'made up' }, 'MR_QUERY_INVALID'],
      [`stores/${STORE}`, { staleness: 'any' }, 'MR_QUERY_INVALID'],
    ] as const) {
      const { status, body } = await get(url, path, parameters);
      assert.deepEqual({ status, code: body.code }, { status: 400, code }, JSON.stringify(parameters));
      assert.ok(body.hint);
    }
    const ahead = await get(url, `stores/${STORE}`, {
      key: 'k',
      position: '{"input":{"0":1000000,"1":1000000}}',
    });
    assert.deepEqual([ahead.status, ahead.body.code], [503, 'MR_QUERY_BEHIND']);
    const unknown = await get(url, 'stores/none/such', { key: 'k' });
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'MR_QUERY_STORE_UNKNOWN']);
    assert.match(unknown.body.hint ?? '', /sum\/state/);
    const twice = await fetch(`${url}/stores/${STORE}?key=a&key=b`);
    assert.equal(twice.status, 400);
    for (const partition of ['-1', '99', 'x', '0.5']) {
      const none = await get(url, `tasks/input/${partition}/rows`, { store: STORE, key: 'aw' });
      assert.deepEqual([none.status, none.body.code], [400, 'MR_QUERY_INVALID'], partition);
    }
    const elsewhere = await get(url, 'tasks/input/0/rows', { store: STORE, key: 'aw', role: 'standby' });
    assert.deepEqual([elsewhere.status, elsewhere.body.code], [503, 'MR_QUERY_TASK_MOVING']);
  });
});
