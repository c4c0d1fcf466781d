import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import { ApiError, createClient } from '#client';
import type { OpenApi } from '#platform/api';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { type Asked, arbitraryRequest, documentedRequests, refsIn } from './testing/requests-of.ts';

const TOKEN = 'token of the operator';
const root = join(import.meta.dirname, '../../..');

/** What the small world has no answer to, in spite of the request being right. */
const REFUSED_EXAMPLES: Readonly<Record<string, string>> = {
  'POST /admin/versions/{version}/promote': '409 MR_VERSION_UNKNOWN',
  'POST /admin/rollback': '409 MR_VERSION_NO_PREVIOUS',
  'GET /explain/{request_id}/{item_id}': '404 MR_EXPLAIN_NOT_FOUND',
};

it('the HTTP API of a start', { timeout: 600_000 }, async (t) => {
  const send = async ({ method, path, body }: Asked, token = TOKEN) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        connection: 'close',
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { response, text, json: (isJson ? JSON.parse(text) : {}) as { code?: string } };
  };

  const commands = commandLine(t, smallWorld);
  // Answers that are not as documented are faults then.
  const environment = { MILLRACE_ADMIN_TOKEN: TOKEN, MILLRACE_HTTP_CHECKED: '1' };
  const start = commands.begin(['start', '--json'], environment);
  const { url } = JSON.parse((await start.until(/^\{"url".*\}$/m))[0]) as { url: string };
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;

  await t.test('has a valid document, which is the one in docs', async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as unknown as Record<string, unknown>,
    );
    assert.ok(valid, JSON.stringify(errors));
    assert.deepEqual(document, JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8')));
    for (const ref of refsIn(document)) {
      const target = ref
        .split('/')
        .slice(1)
        .reduce((at, key) => (at as Record<string, unknown>)?.[key], document as unknown);
      assert.notEqual(target, undefined, ref);
    }
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  await t.test('accepts each documented example', async () => {
    for (const { name, ...asked } of documentedRequests(document)) {
      const { response, text, json } = await send(asked);
      const got = response.ok ? 'ok' : `${response.status} ${json.code}`;
      assert.equal(got, REFUSED_EXAMPLES[name] ?? 'ok', `${name}: ${text}`);
    }
  });

  await t.test('answers every documented route that requires a right with 401 to a wrong token', async () => {
    for (const { name, requiresRight, ...asked } of documentedRequests(document)) {
      const { response, json } = await send(asked, 'another');
      assert.equal(response.status === 401, requiresRight, `${name}: ${response.status}`);
      if (requiresRight) assert.equal(json.code, 'MR_ACCESS_TOKEN');
    }
  });

  await t.test('answers whatever is asked without a fault, as documented', async () => {
    // A command that fits would begin a training.
    const asked = arbitraryRequest(document).filter(({ name }) => !/\/admin\/(train|reindex)/.test(name));
    await fc.assert(
      fc.asyncProperty(asked, async (request) => {
        const { response, text } = await send(request);
        assert.ok(response.status < 500, `${request.name} ${response.status}: ${text}`);
      }),
      { numRuns: 400 },
    );
  });

  await t.test('lists what the commands list', async () => {
    const client = createClient({ url, headers: { connection: 'close' } });
    const printed = await commands.runEach([
      ['versions', '--json'],
      ['topology', '--json'],
      ['topics', '--json'],
    ]);
    const [versions, topology, topics] = printed.map(({ out }) => jsonLines<Record<string, unknown>>(out));
    const served = (await client.get('/versions')).versions;
    // What came of its answers, and how it agrees with others, only the process that serves knows.
    assert.deepEqual(
      served.map(({ lastDay: _, agreement: __, ...version }) => version),
      versions,
    );
    assert.deepEqual(await client.get('/topology'), topology?.[0]);
    const listed = (await client.get('/topics')).topics;
    assert.deepEqual(
      listed.map(({ topic, partitions, retention }) => ({ topic, partitions, retention })),
      topics?.map(({ topic, partitions, retention }) => ({ topic, partitions, retention })),
    );
  });

  await t.test('serves the client, which throws what the server refuses', async () => {
    const admin = createClient({ url, token: TOKEN, headers: { connection: 'close' } });
    // example: client
    const client = createClient({ url, timeoutMs: 5_000 });
    const event = { event_id: 'e-42', user_id: 'u1', item_id: 'i1', kind: 'click' } as const;
    const { accepted } = await client.post('/events', { body: [event] });
    const { items } = await client.get('/recommend/{user_id}', {
      params: { user_id: 'u1' },
      query: { k: 2, device: 'tv' },
    });
    const session = await client.post('/recommend', { body: { requests: [{ recent_items: ['i1', 'i2'] }] } });
    try {
      await client.post('/admin/train');
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      assert.deepEqual([error.status, error.code], [401, 'MR_ACCESS_TOKEN_MISSING']);
    }
    // end
    assert.deepEqual([accepted, items.length, session.answers.length], [1, 2, 1]);
    const { command_id } = await admin.post('/admin/reindex', { body: { actor: 'test', reason: null } });
    const { out } = await commands.print(['events', 'tail', 'commands', '-n', '1']);
    assert.match(out, new RegExp(`"command_id":"${command_id}".*"kind":"reindex".*"actor":"test"`));

    const refused = await client
      .get('/recommend/{user_id}', { params: { user_id: 'u1' }, query: { k: 500 } })
      .catch((error: unknown) => error);
    assert.ok(refused instanceof ApiError);
    const { status, code, problem } = refused;
    assert.deepEqual([status, code, problem?.type], [400, 'MR_RECOMMEND_K', '/docs#MR_RECOMMEND_K']);
    await assert.rejects(client.post('/admin/train'), { status: 401, code: 'MR_ACCESS_TOKEN_MISSING' });
  });

  await t.test('says what it is, and shows a page that needs no other host', async () => {
    const { links, name } = await createClient({ url, headers: { connection: 'close' } }).get('/');
    assert.equal(name, 'millrace');
    for (const path of Object.values(links))
      assert.equal((await send({ method: 'GET', path })).response.status, 200);
    const { response, text } = await send({ method: 'GET', path: '/docs' });
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.doesNotMatch(text, /<script|<link|<img|<iframe|@import|url\(|\b(?:src|href)="?(?:https?:)?\/\//i);
    for (const code of ['MR_RECOMMEND_K', 'MR_EVENT_BATCH']) assert.match(text, new RegExp(`id="${code}"`));
  });
});
