import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ApiError } from './error.ts';
import { createClient } from './index.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers as it is told, and what it was asked. */
async function answering(t: TestContext, answer: Answer) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

const json = { 'content-type': 'application/json' };

describe('a client', { timeout: 120_000 }, () => {
  it('encodes what paths and queries hold, and sends token, request id and headers', async (t) => {
    const { url, asked } = await answering(t, (_, response) => response.writeHead(200, json).end('{"k":3}'));
    const client = createClient({ url, token: 'secret', headers: { 'x-more': '1' } });
    const params = { user_id: 'a/b ü?' };
    const answer = await client.get('/recommend/{user_id}', {
      params,
      query: { k: 3, device: undefined },
      requestId: 'r1',
    });
    assert.deepEqual(answer, { k: 3 });
    const [request] = asked;
    assert.equal(request?.url, '/recommend/a%2Fb%20%C3%BC%3F?k=3');
    const { authorization, 'x-request-id': id, 'x-more': more } = request?.headers ?? {};
    assert.deepEqual([authorization, id, more], ['Bearer secret', 'r1', '1']);
  });

  it('returns what is not JSON as text', async (t) => {
    const { url } = await answering(t, (_, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end('a 1\n'),
    );
    assert.equal(await createClient({ url }).get('/metrics'), 'a 1\n');
  });

  it('throws problems with their code, and what a proxy answers without one', async (t) => {
    const bodies = ['{"code":"MR_RECOMMEND_K","message":"k","status":400}', '<html>', 'null', '{"code":7}'];
    const { url } = await answering(t, (_, response) => {
      const body = bodies.shift() ?? '';
      const type = body.startsWith('<') ? 'text/html' : 'application/problem+json';
      response.writeHead(400, { 'content-type': type }).end(body);
    });
    const { get } = createClient({ url });
    const refused = await get('/versions').catch((error: unknown) => error);
    assert.ok(refused instanceof ApiError);
    assert.deepEqual([refused.status, refused.code, refused.message], [400, 'MR_RECOMMEND_K', 'k']);
    assert.equal(refused.problem?.status, 400);
    while (bodies.length > 0) {
      const { status, code, problem } = (await get('/versions').catch((error) => error)) as ApiError;
      assert.deepEqual([status, code, problem], [400, undefined, undefined]);
    }
  });

  it('gives up after its time, when the signal says so, and where nobody listens', async (t) => {
    const { url } = await answering(t, () => {});
    await assert.rejects(createClient({ url, timeoutMs: 20 }).get('/versions'), { name: 'TimeoutError' });
    const asking = new AbortController();
    const asked = createClient({ url }).post('/rank', {
      body: { user_id: 'u1', items: ['i1'] },
      signal: asking.signal,
    });
    asking.abort(new Error('enough'));
    await assert.rejects(asked, { message: 'enough' });
    await assert.rejects(createClient({ url: 'http://127.0.0.1:1' }).get('/'), TypeError);
  });
});
