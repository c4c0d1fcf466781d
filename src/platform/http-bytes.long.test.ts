import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FatalError, RetryableError } from './errors.ts';
import { createHttpServer, type HttpServer } from './http.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

type Started = { readonly url: string; readonly port: number; readonly handled: string[] };

/** A server that notes each request that reaches a handler. */
async function start(t: TestContext, register: (server: HttpServer) => void = () => {}): Promise<Started> {
  const handled: string[] = [];
  const server = await createHttpServer({ logger, metrics: createMetrics() });
  const note = async ({ method, url }: { method: string; url: string }) => {
    handled.push(`${method} ${url}`);
    return {};
  };
  server.routes.get('/inner', note);
  server.routes.post('/outer', note);
  register(server);
  t.after(() => server.close());
  const { url, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { url, port, handled };
}

/** The statuses that bytes are answered with until the connection is closed. */
async function statuses(t: TestContext, port: number, bytes: string): Promise<readonly number[]> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => void socket.destroy());
  socket.setEncoding('latin1').write(bytes, 'latin1');
  let read = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (more: string) => {
      read += more;
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
  return Array.from(read.matchAll(/HTTP\/1\.1 (\d{3})/g), ([, status]) => Number(status));
}

const JSON_TYPE = 'content-type: application/json\r\n';
const INNER = 'GET /inner HTTP/1.1\r\nhost: a\r\n\r\n';

describe('requests hidden in others', () => {
  const chunked = `0\r\n\r\n${INNER}`;
  const length = `content-length: ${chunked.length}\r\n`;
  const smuggled: Readonly<Record<string, string>> = {
    'a length and chunks (CL.TE)': `${length}transfer-encoding: chunked\r\n\r\n${chunked}`,
    'chunks and a length (TE.CL)': `transfer-encoding: chunked\r\n${length}\r\n${chunked}`,
    'two lengths': `content-length: 2\r\ncontent-length: ${chunked.length}\r\n\r\n{}${INNER}`,
    'a list of lengths': `content-length: 2, ${chunked.length}\r\n\r\n{}${INNER}`,
    'a signed length': `content-length: +2\r\n\r\n{}${INNER}`,
    'a hexadecimal length': `content-length: 0x2\r\n\r\n{}${INNER}`,
    'chunks that are not the last encoding': `transfer-encoding: chunked, identity\r\n\r\n${chunked}`,
    'an encoding nearly named chunked': `transfer-encoding: xchunked\r\n\r\n${chunked}`,
    'an encoding after a vertical tab': `transfer-encoding:\u000bchunked\r\n${length}\r\n${chunked}`,
    'a space before the colon': `transfer-encoding : chunked\r\n${length}\r\n${chunked}`,
    'a folded header': `x: a\r\n transfer-encoding: chunked\r\n${length}\r\n${chunked}`,
    'a bare line feed in chunks': `transfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n${INNER}`,
    'a chunk length that wraps': `transfer-encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n${chunked}`,
    'a null byte in a header': `x: a\u0000b\r\n${length}\r\n${chunked}`,
  };
  for (const [name, rest] of Object.entries(smuggled)) {
    it(`are refused, and the connection closed: ${name}`, async (t) => {
      const { port, handled } = await start(t);
      const found = await statuses(t, port, `POST /outer HTTP/1.1\r\nhost: a\r\n${JSON_TYPE}${rest}`);
      assert.deepEqual(found, [400]);
      assert.deepEqual(handled, []);
    });
  }

  it('are requests of their own after a body of the stated length', async (t) => {
    const { port, handled } = await start(t);
    const last = INNER.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n');
    const post = `POST /outer HTTP/1.1\r\nhost: a\r\n${JSON_TYPE}content-length: 2\r\n\r\n{}${last}`;
    assert.deepEqual(await statuses(t, port, post), [200, 200]);
    assert.deepEqual(handled, ['POST /outer', 'GET /inner']);
  });
});

describe('bodies', () => {
  const post = async (url: string, body: string | Buffer<ArrayBuffer>, headers: Record<string, string>) => {
    const init = { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } };
    const response = await fetch(`${url}/outer`, init);
    return [response.status, ((await response.json()) as { code?: string }).code];
  };

  it('that are compressed are refused, and not inflated', async (t) => {
    const { url, handled } = await start(t);
    // 100 MB of one character.
    const bomb = gzipSync(Buffer.alloc(100_000_000, '1'));
    const before = process.memoryUsage().arrayBuffers;
    for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'x']) {
      assert.deepEqual(await post(url, bomb, { 'content-encoding': encoding }), [415, 'MR_HTTP_ENCODING']);
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000);
    assert.deepEqual(handled, []);
    assert.deepEqual(await post(url, '{}', { 'content-encoding': 'identity' }), [200, undefined]);
  });

  it('that are too large are refused by their length, and by what comes', async (t) => {
    const { url, port, handled } = await start(t);
    const refused = [413, 'MR_HTTP_BODY_TOO_LARGE'];
    assert.deepEqual(await post(url, `"${'x'.repeat(1024 * 1024)}"`, {}), refused);
    const head = `POST /outer HTTP/1.1\r\nhost: a\r\n${JSON_TYPE}`;
    const [stated] = await statuses(t, port, `${head}content-length: 99999999999\r\n\r\n{`);
    assert.equal(stated, 413);
    const chunk = `100000\r\n${'1'.repeat(0x100000)}\r\n`;
    const [streamed] = await statuses(t, port, `${head}transfer-encoding: chunked\r\n\r\n${chunk}${chunk}`);
    assert.equal(streamed, 413);
    assert.deepEqual(handled, []);
  });

  it('change no prototypes', async (t) => {
    const { url, handled } = await start(t);
    for (const body of [
      '{"__proto__": {"admin": true}}',
      '{"constructor": {"prototype": {"admin": true}}}',
    ]) {
      assert.deepEqual(await post(url, body, {}), [400, 'MR_HTTP_BODY_INVALID']);
    }
    assert.deepEqual(handled, []);
    assert.equal('admin' in {}, false);
  });
});

describe('answers to faults', () => {
  it('have no stack and no folder of the server', async (t) => {
    const { url } = await start(t, (server) => {
      const fail = (path: string, error: Error) => server.routes.get(path, () => Promise.reject(error));
      const folder = '/srv/data/millrace/log.sqlite';
      fail('/bug', new TypeError(`ENOENT: no such file, open '${folder}'`));
      fail(
        '/fatal',
        new FatalError('MR_TEST_A', `"${folder}" is damaged; see ${folder}, http://127.0.0.1:1/a/b`),
      );
      fail('/retry', new RetryableError('MR_TEST_B', `cannot write ${folder}.`));
      server.addReadyCheck('disk', () => `cannot write ${folder}`);
    });
    const bodies: string[] = [];
    for (const path of ['/bug', '/fatal', '/retry', '/health/ready']) {
      const response = await fetch(url + path);
      assert.ok(response.status >= 500);
      bodies.push(await response.text());
    }
    for (const body of bodies) assert.doesNotMatch(body, /\/srv|node:internal|\.ts:\d|\bat .*\(|TypeError/);
    assert.match(
      bodies[1] ?? '',
      /\\"log\.sqlite\\" is damaged; see log\.sqlite, http:\/\/127\.0\.0\.1:1\/a\/b/,
    );
    assert.match(bodies[3] ?? '', /cannot write log\.sqlite/);
  });
});
