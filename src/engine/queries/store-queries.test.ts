import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { openSimulatedLog } from '#log';
import { armFailpoints, disarmFailpoints, systemClock } from '#platform';
import { freePort, ManualClock, temporaryDirectory } from '#platform/testing';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../store/port.ts';
import { rocksDatabases } from '../store/rocksdb/rocksdb-database.ts';
import type { TaskOwners } from '../task/assignment/assignment.ts';
import type { RuntimeOptions } from '../task/runtime-options.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopicWriter } from '../topic-writer.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { localTasks } from './local-tasks.ts';
import { verifyPeerRequest } from './peer-signature.ts';
import { httpPeers, type Peers } from './peers.ts';
import type { StoreQuery } from './query.ts';
import { type StoreAnswer, StoreQueries } from './store-queries.ts';
import { input, PARTITIONS, readInput, STORE, sums, sumsRuntime, sumsUpTo } from './testing/sums.ts';

const noPeers: Peers = { read: () => Promise.reject(new Error('there is no peer')) };

async function open(
  t: TestContext,
  databases: DatabaseProvider,
  options: Partial<Pick<RuntimeOptions, 'commitIntervalMs'>> = {},
) {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  await log.createTopics([input]);
  const runtime = await sumsRuntime({ log, databases, clock: systemClock, instanceId: 'a', ...options });
  await runtime.start();
  const writer = await TopicWriter.open(log, input);
  t.after(async () => {
    await writer.close();
    await runtime.close();
    await log.close();
  });
  const queries = new StoreQueries({
    topology: sums(),
    memberId: 'a',
    local: localTasks(() => runtime),
    owners: () => new Map(),
    peers: noPeers,
    clock: systemClock,
    patienceMs: 0,
  });
  let written = 0;
  const write = async (count: number, keys: number) => {
    const records = Array.from({ length: count }, () => {
      written++;
      return { key: `k${(written * 7) % keys}`, value: written, timestamp: written };
    });
    await writer.write(records);
  };
  const settle = async () => {
    do await runtime.runOnce(5);
    while (!runtime.isCaughtUp);
  };
  return { log, runtime, queries, write, settle };
}

const rows = (answer: StoreAnswer) => answer.entries.map(({ key, value }) => [key, value] as const);

async function allPages(queries: StoreQueries, query: StoreQuery, limit: number) {
  const all: (readonly [string, unknown])[] = [];
  let next: string | undefined;
  do {
    const answer: StoreAnswer = await queries.query(STORE, query, { limit, ...(next && { after: next }) });
    all.push(...rows(answer));
    next = answer.next;
  } while (next !== undefined);
  return all;
}

for (const [name, databases] of [
  ['memory', () => memoryDatabases()],
  ['RocksDB', (t: TestContext) => rocksDatabases(temporaryDirectory(t))],
] as const) {
  it(`${name}: answers taken while commits go on are what the inputs up to their position make`, async (t) => {
    const { log, runtime, queries, write, settle } = await open(t, databases(t), { commitIntervalMs: 0 });
    const answers: StoreAnswer[] = [];
    let isDone = false;
    const asking = (async () => {
      while (!isDone) {
        const kinds: StoreQuery[] = [
          { kind: 'range' },
          { kind: 'key', key: 'k7' },
          { kind: 'prefix', prefix: 'k1' },
        ];
        answers.push(...(await Promise.all(kinds.map((query) => queries.query(STORE, query)))));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 8; round++) {
      await write(250, 40);
      const before = answers.length;
      do await runtime.runOnce(5);
      while (answers.length === before);
    }
    await settle();
    isDone = true;
    await asking;
    const inLog = await readInput(log);
    const positions = new Set<string>();
    for (const answer of answers) {
      positions.add(JSON.stringify(answer.position));
      const expected = sumsUpTo(inLog, answer.position);
      for (const [key, value] of rows(answer)) assert.equal(value, expected.get(key), key);
      if (answer.copies.length === PARTITIONS) {
        const count = answer.entries.length;
        const inPrefix = [...expected.keys()].filter((key) => key.startsWith('k1')).length;
        assert.ok(count === expected.size || count === inPrefix, `${count} entries of ${expected.size}`);
      } else if (answer.entries.length === 0) assert.equal(expected.get('k7'), undefined);
    }
    assert.ok(positions.size > 3, `${positions.size} positions were seen`);
  });
}

describe('queries in process', () => {
  it('show what is committed, and nothing of what is under way', async (t) => {
    const { runtime, queries, write, settle } = await open(t, memoryDatabases());
    await write(50, 10);
    await settle();
    const before = await queries.query(STORE, { kind: 'range' });
    await write(50, 10);
    t.after(disarmFailpoints);
    armFailpoints('commit.store.before=fail');
    await assert.rejects(async () => {
      for (;;) await runtime.runOnce(5);
    });
    // The log has committed, the store has not: the answer is the older one, and says so.
    assert.deepEqual(await queries.query(STORE, { kind: 'range' }), before);
  });

  it('give a key’s row, prefixes and ranges over all tasks in order, page by page', async (t) => {
    const { log, queries, write, settle } = await open(t, memoryDatabases());
    await write(300, 60);
    await settle();
    const sums = [
      ...sumsUpTo(await readInput(log), (await queries.query(STORE, { kind: 'range' })).position),
    ];
    const all = sums.sort(([a], [b]) => (a < b ? -1 : 1));
    assert.equal(all.length, 60);
    assert.deepEqual(await allPages(queries, { kind: 'range' }, 7), all);
    const prefixed = all.filter(([key]) => key.startsWith('k2'));
    assert.deepEqual(await allPages(queries, { kind: 'prefix', prefix: 'k2' }, 3), prefixed);
    assert.deepEqual(await allPages(queries, { kind: 'prefix', prefix: '' }, 1_000), all);
    const between = all.filter(([key]) => key >= 'k2' && key < 'k45');
    assert.deepEqual(await allPages(queries, { kind: 'range', from: 'k2', to: 'k45' }, 4), between);
    const key = await queries.query(STORE, { kind: 'key', key: 'k3' });
    assert.deepEqual(rows(key), [['k3', new Map(all).get('k3')]]);
    assert.equal(key.copies.length, 1);
    assert.deepEqual((await queries.query(STORE, { kind: 'key', key: 'absent' })).entries, []);
  });

  it('wait for a requested position, and say so when it stays out of reach', async (t) => {
    const { queries, write, settle } = await open(t, memoryDatabases());
    await write(40, 4);
    await settle();
    const { position } = await queries.query(STORE, { kind: 'range' });
    assert.ok((await queries.query(STORE, { kind: 'range' }, { atLeast: position })).entries.length > 0);
    const beyond = { [input.name]: { 0: 1_000_000 } };
    await assert.rejects(queries.query(STORE, { kind: 'range' }, { atLeast: beyond }), {
      code: 'MR_QUERY_BEHIND',
      remedy: 'retry',
    });
    await assert.rejects(queries.query(STORE, { kind: 'range' }, { atLeast: { other: { 0: 1 } } }), {
      code: 'MR_QUERY_INVALID',
    });
  });

  it('go on from the store’s own position after a restart, restored or not', async (t) => {
    const databases = memoryDatabases();
    const { log, runtime, queries, write, settle } = await open(t, databases);
    await write(100, 10);
    await settle();
    const before = await queries.query(STORE, { kind: 'range' });
    const names = runtime.tasks.map(({ name }) => name);
    await runtime.close();
    for (const keepStores of [true, false]) {
      if (!keepStores) for (const name of names) await databases.destroy(name);
      const next = await sumsRuntime({ log, databases, clock: systemClock, instanceId: 'a' });
      await next.start();
      const options = { topology: sums(), memberId: 'a', owners: () => new Map(), clock: systemClock };
      const again = new StoreQueries({ ...options, local: localTasks(() => next), peers: noPeers });
      assert.deepEqual(await again.query(STORE, { kind: 'range' }), before);
      await next.close();
    }
  });

  it('refuse what makes no sense, with what would', async (t) => {
    const { queries } = await open(t, memoryDatabases());
    await assert.rejects(queries.query('none/such', { kind: 'range' }), {
      code: 'MR_QUERY_STORE_UNKNOWN',
      hint: /sum\/state/,
    });
    const refused: readonly (readonly [StoreQuery, object])[] = [
      [{ kind: 'key', key: '\ud800' }, {}],
      [{ kind: 'range', from: 'b', to: 'a' }, {}],
      [{ kind: 'range' }, { limit: 0 }],
      [{ kind: 'range' }, { limit: 1e9 }],
      [{ kind: 'range' }, { after: 'made up' }],
      [{ kind: 'window', key: 'k1', fromMs: 0, toMs: 10 }, {}],
      [{ kind: 'window', key: 'k1', fromMs: 10, toMs: 0 }, {}],
    ];
    for (const [query, options] of refused) {
      await assert.rejects(queries.query(STORE, query, options), { code: 'MR_QUERY_INVALID' });
    }
  });
});

it('a task that is on its way is waited for, then the asker is told to come again', async () => {
  const clock = new ManualClock();
  const owners = new Map<string, TaskOwners>();
  let asked = 0;
  const peers: Peers = {
    read: async () => {
      asked++;
      return { rows: [], complete: true, position: { [input.name]: 3 } };
    },
  };
  const none = localTasks(() => undefined);
  const options = { topology: sums(), memberId: 'a', local: none, owners: () => owners, peers, clock };
  const queries = new StoreQueries({ ...options, patienceMs: 1_000 });
  const ask = () => queries.query(STORE, { kind: 'range' });
  const abandoned = assert.rejects(ask(), {
    code: 'MR_QUERY_TASK_MOVING',
    remedy: 'retry',
    hint: /retry in a moment/,
  });
  await clock.advance(1_500);
  await abandoned;
  assert.equal(asked, 0);

  const answered = ask();
  await clock.advance(500);
  const active = { memberId: 'b', endpoint: 'http://b' };
  for (let p = 0; p < PARTITIONS; p++) owners.set(`input-${p}`, { active, standbys: [] });
  await clock.advance(100);
  assert.equal((await answered).copies.length, PARTITIONS);
});

describe('where the owner of a task', () => {
  const none = localTasks(() => undefined);
  const active = (endpoint: string) => {
    const owner: TaskOwners = { active: { memberId: 'b', endpoint }, standbys: [] };
    return new Map(Array.from({ length: PARTITIONS }, (_, p) => [`input-${p}`, owner] as const));
  };
  const asking = (owners: ReadonlyMap<string, TaskOwners>, peers: Peers) =>
    new StoreQueries({
      topology: sums(),
      memberId: 'a',
      local: none,
      owners: () => owners,
      peers,
      clock: systemClock,
      patienceMs: 0,
    });

  it('can’t be reached, the asker is told so', async () => {
    const queries = asking(active(`http://127.0.0.1:${await freePort()}`), httpPeers({ clock: systemClock }));
    await assert.rejects(queries.query(STORE, { kind: 'key', key: 'k' }), {
      code: 'MR_QUERY_TASK_MOVING',
      remedy: 'retry',
      message: /http:\/\/127\.0\.0\.1:\d+ gave no answer/,
    });
  });

  it('takes a question and never answers, it is given up', async (t) => {
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const queries = asking(
      active(`http://127.0.0.1:${port}`),
      httpPeers({ clock: systemClock, timeoutMs: 50 }),
    );
    await assert.rejects(queries.query(STORE, { kind: 'range' }), {
      code: 'MR_QUERY_TASK_MOVING',
      message: /gave no answer/,
    });
  });

  it('asks for a proof, it is sent a signature of the request and not the secret', async (t) => {
    const secret = 'a secret of the processes';
    const asked = Promise.withResolvers<{ token: string; path: string }>();
    const server = createServer(({ headers, url = '' }, response) => {
      asked.resolve({ token: (headers.authorization ?? '').replace('Bearer ', ''), path: url });
      response.end(JSON.stringify({ rows: [], complete: true, position: {} }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const queries = asking(
      active(`http://127.0.0.1:${port}`),
      httpPeers({ clock: systemClock, secret: () => secret }),
    );
    await queries.query(STORE, { kind: 'key', key: 'k & l' });
    const { token, path } = await asked.promise;
    assert.ok(!token.includes(secret));
    assert.ok(verifyPeerRequest(secret, token, path, systemClock.now()));
  });

  it('is a thread of this process that is busy for ever, it is given up', async () => {
    const clock = new ManualClock();
    const local = { read: () => new Promise<never>(() => {}) };
    const options = {
      topology: sums(),
      memberId: 'a',
      local,
      owners: () => new Map(),
      peers: noPeers,
      clock,
    };
    const queries = new StoreQueries({ ...options, patienceMs: 0 });
    const given = assert.rejects(queries.query(STORE, { kind: 'key', key: 'k' }), {
      code: 'MR_QUERY_TASK_MOVING',
      message: /did not respond for 5000 ms/,
    });
    await clock.advance(5_000);
    await given;
    assert.equal(clock.sleeping, 0);
  });
});

it('large values come in pages of some megabytes, whatever the limit', async (t) => {
  const builder = new TopologyBuilder({ name: 'large', generation: 1 });
  const texts = jsonTopic<string>('input', PARTITIONS);
  builder.source(texts).reduce('newest', (_, value) => value, { value: json<string>() });
  const topology = builder.build();
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  await log.createTopics([input]);
  const runtime = await sumsRuntime({
    log,
    databases: memoryDatabases(),
    clock: systemClock,
    instanceId: 'a',
    topology,
  });
  await runtime.start();
  const writer = await TopicWriter.open(log, texts);
  t.after(async () => {
    await writer.close();
    await runtime.close();
    await log.close();
  });
  const keys = Array.from({ length: 60 }, (_, i) => `k${String(i).padStart(2, '0')}`);
  for (const key of keys) await writer.write([{ key, value: key.repeat(100_000), timestamp: 1 }]);
  await runtime.runUntilCaughtUp(5);
  const options = { topology, memberId: 'a', owners: () => new Map(), peers: noPeers, clock: systemClock };
  const queries = new StoreQueries({ ...options, local: localTasks(() => runtime), patienceMs: 0 });
  const found: string[] = [];
  let pages = 0;
  for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
    const answer: StoreAnswer = await queries.query(
      'newest/state',
      { kind: 'range' },
      next === undefined ? {} : { after: next },
    );
    found.push(...answer.entries.map(({ key }) => key));
    assert.ok(answer.entries.length < keys.length);
    next = answer.next;
    pages++;
  }
  assert.deepEqual(found, keys);
  assert.ok(pages > 1);
});
