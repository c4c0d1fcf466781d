import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type EmbeddedLog, type Log, openEmbeddedLog, type Producer } from '#log';
import { createHttpServer, createLogger, createMetrics, RetryableError, systemClock } from '#platform';
import { accessBy, temporaryDirectory } from '#platform/testing';
import { asGiven, excludedUsers, isPseudonym, type Pseudonyms } from '#privacy';
import { loneVault } from '#privacy/testing';
import type { Interaction } from '#schemas';
import { openTopics } from '#topologies';
import { type GatewayOptions, openGateway } from './gateway.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const logger = createLogger({ level: 'silent', name: 'test' });
const TOKEN = 'a token of the tests';
const view = { user_id: 'u1', item_id: 'i1', kind: 'view' };

type Stored = { event: Interaction; key: string; timestamp: number; headers: Record<string, string> };

type StartOptions = {
  readonly pseudonyms?: Pseudonyms;
  readonly watched?: (log: Log) => Log;
  readonly pending?: GatewayOptions['pending'];
  readonly refusal?: () => RetryableError | undefined;
  readonly writeWithinMs?: number;
};

async function start(
  t: TestContext,
  { pseudonyms = asGiven, watched = (log) => log, pending, ...options }: StartOptions = {},
) {
  const directory = temporaryDirectory(t);
  const open = async () => {
    const log = await openEmbeddedLog({ directory, clock: systemClock });
    return { log, topics: await openTopics(log, log.registry) };
  };
  const { log, topics } = await open();
  const metrics = createMetrics();
  const gateway = await openGateway({
    log: watched(log),
    topics,
    clock: systemClock,
    futureMs: 300_000,
    pseudonyms,
    ...(pending && { pending }),
    ...('refusal' in options && { refusal: options.refusal }),
    ...('writeWithinMs' in options && { writeWithinMs: options.writeWithinMs }),
    logger,
    metrics,
  });
  const server = await createHttpServer({ logger, metrics, access: accessBy(TOKEN) });
  gateway.registerRoutes(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const close = async () => {
    await server.close();
    await gateway.close();
    await log.close();
  };
  t.after(close);
  const post = async (json: unknown, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    const response = await fetch(`${url}/events`, { ...init, body: JSON.stringify(json) });
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, body: (await response.json()) as any, headers: response.headers };
  };
  const put = async (user: string, body: unknown, given: string | undefined = TOKEN) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${given}` };
    const init = { method: 'PUT', headers };
    const response = await fetch(`${url}/users/${user}/privacy`, { ...init, body: JSON.stringify(body) });
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, body: (await response.json()) as any };
  };
  const ask = async (body: unknown, given: string | undefined = TOKEN) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${given}` };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(`${url}/pseudonyms`, init);
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, body: (await response.json()) as any };
  };
  return { post, put, ask, close, open, log, topics, metrics };
}

async function stored(log: EmbeddedLog, topics: Awaited<ReturnType<typeof openTopics>>): Promise<Stored[]> {
  const { name, partitions, value } = topics.interactions;
  const consumer = await log.consumer();
  consumer.assign(
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition, offset: 0 })),
  );
  const found: Stored[] = [];
  for (;;) {
    const batches = await consumer.poll(0);
    if (batches.length === 0) return found;
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i++) {
        const headers = batch.headers(i).map(([header, bytes]) => [header, bytes.toString()]);
        found.push({
          event: value.decode(batch.value(i) as Buffer),
          key: String(batch.key(i)),
          timestamp: batch.timestamp(i),
          headers: Object.fromEntries(headers),
        });
      }
    }
  }
}

describe('gateway', () => {
  it('refuses an event from the future, beyond what clocks may differ', async (t) => {
    const { post } = await start(t);
    const soon = await post({ ...view, ts: Date.now() + 1_000 });
    assert.equal(soon.status, 202);
    const future = await post({ ...view, ts: Date.now() + 3_600_000 });
    assert.equal(future.status, 400);
    assert.equal(future.body.refused[0].code, 'MR_EVENT_FUTURE');
  });

  it('answers 202 when the log has the event, keyed by user, at its own time, with the trace', async (t) => {
    const { post, close, open } = await start(t);
    const event = {
      ...view,
      event_id: 'e1',
      ts: 1_700_000_000_000,
      context: { device: 'tv', country: 'DE' },
    };
    const { status, body } = await post(event, { traceparent: TRACEPARENT });
    assert.deepEqual({ status, body }, { status: 202, body: { accepted: 1, refused: [] } });
    assert.deepEqual((await post([{ ...view, user_id: 'u2' }])).body, { accepted: 1, refused: [] });
    await close();

    const reopened = await open();
    t.after(() => reopened.log.close());
    const [first, second] = (await stored(reopened.log, reopened.topics)).sort((a, b) =>
      a.key < b.key ? -1 : 1,
    );
    assert.deepEqual(first, {
      key: 'u1',
      timestamp: 1_700_000_000_000,
      headers: { traceparent: TRACEPARENT },
      event: {
        ...event,
        value: null,
        watch_ms: null,
        session_id: null,
        request_id: null,
        original_ts: null,
        item: null,
        context: { device: 'tv', country: 'DE', language: null },
      },
    });
    assert.match(second?.event.event_id ?? '', /^[0-9a-f-]{36}$/);
    assert.ok((second?.event.ts ?? 0) > 1_700_000_000_000);
    assert.deepEqual(second?.headers, {});
  });

  it('refuses each bad event by itself, with the reason', async (t) => {
    const { post, open, close, metrics } = await start(t);
    const bad: readonly (readonly [unknown, string, RegExp])[] = [
      ['text', 'MR_EVENT_MALFORMED', /must be an object/],
      [{ ...view, user_id: undefined }, 'MR_EVENT_MALFORMED', /user_id is missing/],
      [{ ...view, user_id: 7 }, 'MR_EVENT_MALFORMED', /user_id must be a string, it is 7/],
      [{ ...view, user_id: '\ud800' }, 'MR_EVENT_MALFORMED', /user_id is not well-formed/],
      [{ ...view, kind: 'stare' }, 'MR_EVENT_MALFORMED', /kind must be one of impression, .* "stare"/],
      [{ ...view, comment: 'free text' }, 'MR_EVENT_MALFORMED', /no field "comment"/],
      [{ ...view, original_ts: 5 }, 'MR_EVENT_MALFORMED', /no field "original_ts"/],
      [{ ...view, context: { ip: '::1' } }, 'MR_EVENT_MALFORMED', /context has no field "ip"/],
      [{ ...view, context: { device: 'fridge' } }, 'MR_EVENT_MALFORMED', /device must be one of/],
      [{ ...view, watch_ms: 1.5 }, 'MR_EVENT_MALFORMED', /watch_ms must be a whole number/],
      [{ ...view, value: '5' }, 'MR_EVENT_MALFORMED', /value must be a number/],
      [{ ...view, ts: -1 }, 'MR_EVENT_INVALID', /ts must be/],
      [{ ...view, item_id: null }, 'MR_EVENT_INVALID', /needs an item_id/],
      [{ ...view, kind: 'rating', value: 5.1 }, 'MR_EVENT_INVALID', /between 0.5 and 5/],
      [{ ...view, kind: 'rating', value: 0.4 }, 'MR_EVENT_INVALID', /between 0.5 and 5/],
      [{ ...view, user_id: 'x'.repeat(129) }, 'MR_EVENT_INVALID', /1 to 128 characters/],
      [{ ...view, context: { country: 'Germany' } }, 'MR_EVENT_INVALID', /ISO 3166/],
    ];
    for (const [event, code, reason] of bad) {
      const { status, body } = await post(event);
      assert.equal(status, 400, JSON.stringify(event));
      assert.deepEqual([body.accepted, body.refused.length, body.refused[0].code], [0, 1, code]);
      assert.match(body.refused[0].reason, reason);
      assert.ok(body.code && body.message && body.hint);
    }
    const mixed = await post([
      view,
      ...bad.map(([event]) => event),
      { ...view, event_id: 'b', ts: -5 },
      view,
    ]);
    assert.equal(mixed.status, 202);
    assert.equal(mixed.body.accepted, 2);
    assert.deepEqual(
      mixed.body.refused.map(({ index }: { index: number }) => index),
      Array.from({ length: bad.length + 1 }, (_, i) => i + 1),
    );
    assert.equal(mixed.body.refused.at(-1).event_id, 'b');
    assert.match(await metrics.render(), /gateway_events_total\{outcome="accepted"\} 2/);
    await close();
    const reopened = await open();
    t.after(() => reopened.log.close());
    assert.equal((await stored(reopened.log, reopened.topics)).length, 2);
  });

  it('bounds a batch', async (t) => {
    const { post } = await start(t);
    assert.equal((await post([])).body.code, 'MR_EVENT_BATCH');
    const full = Array.from({ length: 1000 }, () => view);
    assert.deepEqual((await post(full)).body, { accepted: 1000, refused: [] });
    const over = await post([...full, view]);
    assert.deepEqual([over.status, over.body.code], [400, 'MR_EVENT_BATCH']);
  });

  it('takes nothing while it is told to refuse, and counts that by the reason', async (t) => {
    let refusal: RetryableError | undefined = new RetryableError('MR_EVENTS_LAG', 'Too many wait.');
    const { post, metrics } = await start(t, { refusal: () => refusal });
    const refused = await post([view, view]);
    assert.deepEqual([refused.status, refused.body.code], [429, 'MR_EVENTS_LAG']);
    assert.equal(refused.headers.get('retry-after'), '1');
    refusal = undefined;
    assert.equal((await post(view)).status, 202);
    assert.match(await metrics.render(), /gateway_events_total\{outcome="MR_EVENTS_LAG"\} 2/);
  });

  it('waits for the log no longer than it says, and claims nothing then', async (t) => {
    const gate = Promise.withResolvers<void>();
    const held = (log: Log) =>
      new Proxy(log, {
        get: (target, name) => {
          if (name !== 'producer')
            return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name);
          return async () => {
            const producer = await target.producer();
            const append = producer.append.bind(producer);
            producer.append = async (...given) => {
              await gate.promise;
              return append(...given);
            };
            return producer;
          };
        },
      });
    const { post } = await start(t, { watched: held, writeWithinMs: 1 });
    const { status, body } = await post(view);
    assert.deepEqual([status, body.code, 'accepted' in body], [503, 'MR_EVENTS_UNWRITTEN', false]);
    assert.match(body.hint, /again with the same event_id/);
    const batch = Array.from({ length: 1000 }, () => view);
    const answers = await Promise.all(Array.from({ length: 21 }, () => post(batch)));
    const full = answers.filter((answer) => /events wait for the log/.test(answer.body.message));
    assert.ok(full.length > 0);
    gate.resolve();
  });

  it('claims nothing when the log cannot take the events', async (t) => {
    const { post, log, metrics } = await start(t);
    await log.close();
    const { status, body } = await post(view);
    assert.deepEqual([status, body.code, 'accepted' in body], [503, 'MR_LOG_CLOSED', false]);
    assert.match(body.hint, /again with the same event_id/);
    assert.doesNotMatch(await metrics.render(), /outcome="accepted"/);
  });

  it('puts users on the log under their pseudonyms, and those of refused events nowhere', async (t) => {
    const vault = await loneVault(t);
    const { post, close, open } = await start(t, { pseudonyms: vault });
    const receipt = await post([view, { ...view, user_id: 'u2' }, view, { ...view, user_id: 'u3', ts: -1 }]);
    assert.equal(receipt.body.accepted, 3);
    const [u1, u2, u3] = ['u1', 'u2', 'u3'].map((user) => vault.known(user));
    assert.equal(u3, undefined);
    await close();
    const reopened = await open();
    t.after(() => reopened.log.close());
    const events = await stored(reopened.log, reopened.topics);
    assert.deepEqual(events.map(({ key }) => key).sort(), [u1, u1, u2].sort());
    for (const { key, event } of events) assert.equal(event.user_id, key);
  });

  it('claims nothing when the vault cannot be asked', async (t) => {
    const busy: Pseudonyms = {
      ...asGiven,
      pseudonymsOf: async () => {
        throw new RetryableError('MR_PRIVACY_VAULT_BUSY', 'The vault is busy.');
      },
    };
    const { post } = await start(t, { pseudonyms: busy });
    const { status, body } = await post(view);
    assert.deepEqual([status, body.code, 'accepted' in body], [503, 'MR_PRIVACY_VAULT_BUSY', false]);
  });

  it('takes down what users decide, of those never seen too', async (t) => {
    const vault = await loneVault(t);
    const { put, log, topics } = await start(t, { pseudonyms: vault });
    assert.equal((await put('anna', { status: 'opted-out' })).status, 200);
    assert.equal((await put('bert', { status: 'opted-out' })).status, 200);
    assert.deepEqual(
      await excludedUsers(log, topics.privacy),
      new Set([vault.known('anna'), vault.known('bert')]),
    );
    const back = await put('anna', { status: 'opted-in' });
    assert.deepEqual([back.body.user_id, back.body.status], ['anna', 'opted-in']);
    assert.deepEqual(await excludedUsers(log, topics.privacy), new Set([vault.known('bert')]));
    for (const body of [
      { status: 'erased' },
      { status: 'opted_out' },
      { status: 1 },
      {},
      'opted-out',
      null,
    ]) {
      const { status, body: reply } = await put('anna', body);
      assert.deepEqual([status, reply.code], [400, 'MR_PRIVACY_STATUS'], JSON.stringify(body));
    }
    assert.equal((await put('x'.repeat(129), { status: 'opted-out' })).body.code, 'MR_PRIVACY_USER');
  });

  it('takes decisions from those who have the right alone', async (t) => {
    const { put, log, topics } = await start(t);
    const out = { status: 'opted-out' };
    for (const given of ['', 'wrong', `${TOKEN}.`]) {
      const { status, body } = await put('anna', out, given);
      assert.deepEqual([status, body.code], [401, 'MR_ACCESS_TOKEN_MISSING']);
    }
    assert.deepEqual(await excludedUsers(log, topics.privacy), new Set());
  });

  it('reads each decision once, however many are taken', async (t) => {
    let read = 0;
    const counting = async (log: Log) => {
      const consumer = await log.consumer();
      const poll = consumer.poll.bind(consumer);
      consumer.poll = async (timeoutMs) => {
        const batches = await poll(timeoutMs);
        for (const { count } of batches) read += count;
        return batches;
      };
      return consumer;
    };
    const watched = (log: Log) =>
      ({
        consumer: () => counting(log),
        describeTopics: log.describeTopics.bind(log),
        producer: log.producer.bind(log),
      }) as unknown as Log;
    const { put } = await start(t, { watched });
    for (let n = 0; n < 20; n++) assert.equal((await put(`u${n}`, { status: 'opted-out' })).status, 200);
    assert.equal(read, 20);
    const together = Array.from({ length: 20 }, (_, n) => put(`u${n}`, { status: 'opted-in' }));
    for (const { status } of await Promise.all(together)) assert.equal(status, 200);
    assert.equal(read, 40);
  });
});

it('refuses events of a user of whom too many wait, counted, until these are processed; others go on', async (t) => {
  let offsets: readonly number[] = [0, 0, 0, 0];
  const { post, metrics } = await start(t, { pending: { most: 3, processed: async () => offsets } });
  const of = (user_id: string, count: number) => Array.from({ length: count }, () => ({ ...view, user_id }));
  assert.deepEqual((await post(of('u1', 2))).body, { accepted: 2, refused: [] });
  const partly = await post([...of('u1', 3), ...of('u2', 1)]);
  assert.deepEqual([partly.status, partly.body.accepted], [202, 2]);
  assert.deepEqual(
    partly.body.refused.map(({ index, code }: { index: number; code: string }) => [index, code]),
    [
      [1, 'MR_EVENT_USER_PENDING'],
      [2, 'MR_EVENT_USER_PENDING'],
    ],
  );
  const refused = await post(of('u1', 1));
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1']);
  assert.deepEqual([refused.body.code, refused.body.accepted], ['MR_EVENT_USER_PENDING', 0]);
  assert.equal((await post(of('u2', 1))).status, 202);
  assert.match(await metrics.render(), /gateway_events_total\{outcome="MR_EVENT_USER_PENDING"\} 3/);
  offsets = [9, 9, 9, 9];
  let last = await post(of('u1', 3));
  while (last.status === 429) last = await post(of('u1', 3));
  assert.deepEqual([last.status, last.body.accepted], [202, 3]);
});

it('takes back what it has counted of events that could not be written', async (t) => {
  let isAway = true;
  const away = new RetryableError('MR_LOG_UNAVAILABLE', 'away');
  const producer = async (log: Log): Promise<Producer> => {
    const real = await log.producer();
    return {
      append: (...args) => (isAway ? Promise.reject(away) : real.append(...args)),
      close: () => real.close(),
    };
  };
  const watched = (log: Log) =>
    new Proxy(log, {
      get: (target, name) => {
        if (name === 'producer') return () => producer(target);
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const { post } = await start(t, { watched, pending: { most: 1, processed: async () => [] } });
  for (let i = 0; i < 3; i++) assert.equal((await post(view)).status, 503);
  isAway = false;
  assert.equal((await post(view)).status, 202);
  assert.equal((await post(view)).status, 429);
});

describe('POST /pseudonyms', () => {
  it('tells a producer the names under which the log has the users of posted events', async (t) => {
    const pseudonyms = await loneVault(t);
    const { ask, post, log, topics } = await start(t, { pseudonyms });
    const { status, body } = await ask({ user_ids: ['u2', 'u1', 'u2'] });
    assert.equal(status, 200);
    assert.equal(body.pseudonyms[0], body.pseudonyms[2]);
    assert.ok(body.pseudonyms.every(isPseudonym));
    await post(view);
    const [{ key } = { key: '' }] = await stored(log as EmbeddedLog, topics);
    assert.equal(key, body.pseudonyms[1]);
  });

  it('is for the operator alone, and takes a list of valid ids', async (t) => {
    const { ask } = await start(t);
    assert.equal((await ask({ user_ids: ['u'] }, 'another token')).status, 401);
    const tooMany = Array.from({ length: 1001 }, (_, i) => `u${i}`);
    for (const user_ids of [undefined, [], 'u', [1], tooMany]) {
      const { status, body } = await ask({ user_ids });
      assert.deepEqual([status, body.code], [400, 'MR_PRIVACY_USERS']);
    }
    assert.equal((await ask({ user_ids: [''] })).body.code, 'MR_PRIVACY_USER');
  });
});
