import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createHttpServer, type HttpServer } from './http.ts';
import type { HttpLimits } from './http-limits.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const silent = createLogger({ level: 'silent', name: 'test' });

type Limited = { readonly server: HttpServer; readonly port: number; readonly logged: readonly string[] };

async function start(
  t: TestContext,
  limits: Partial<HttpLimits>,
  register: (server: HttpServer) => void = () => {},
): Promise<Limited> {
  const logged: string[] = [];
  const write = (_: unknown, message?: string) => void logged.push(message ?? '');
  const logger: Logger = { debug: () => {}, info: write, warn: write, error: write, child: () => logger };
  const server = await createHttpServer({ logger, metrics: createMetrics(), limits });
  register(server);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  return { server, port, logged };
}

const HALF_POST =
  'POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{';

const takeEvents = ({ routes }: HttpServer) => void routes.post('/events', async () => ({}));

/** A connection that has sent `text`, and all that it is answered until it is closed. */
function send(t: TestContext, port: number, text: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  t.after(() => void socket.destroy());
  socket.setEncoding('utf8').write(text);
  let read = '';
  const answer = new Promise<string>((resolve) => {
    socket.on('data', (more: string) => {
      read += more;
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(read));
  });
  return { socket, answer };
}

/** Status and body of each answer. */
function answersIn(text: string): { status: number; body: { code?: string; hint?: string } }[] {
  return text
    .split(/(?=HTTP\/1\.1 \d)/)
    .filter((part) => part !== '')
    .map((part) => {
      const body = part.slice(part.indexOf('\r\n\r\n') + 4);
      return { status: Number(part.slice(9, 12)), body: JSON.parse(body === '' ? '{}' : body) };
    });
}

describe('limits of the HTTP server', () => {
  it('closes with half-sent and silent connections open', async (t) => {
    const { server, port } = await start(t, { closingMs: 1 }, takeEvents);
    const half = send(t, port, 'GET / HTTP/1.1\r\nHo');
    const body = send(t, port, HALF_POST);
    const silent = send(t, port, '');
    await fetch(`http://127.0.0.1:${port}/health/live`);
    await server.close();
    await Promise.all([half.answer, body.answer, silent.answer]);
  });

  it('gives up requests that do not arrive, and says so', async (t) => {
    const { port } = await start(t, { headersMs: 20, requestMs: 40, checkMs: 5 }, takeEvents);
    for (const part of ['GET / HTTP/1.1\r\nHo', HALF_POST]) {
      const [refused] = answersIn(await send(t, port, part).answer);
      assert.equal(refused?.status, 408);
      assert.equal(refused?.body.code, 'MR_HTTP_REQUEST_TIMEOUT');
    }
  });

  it('gives up requests that arrive a byte at a time', async (t) => {
    const { port } = await start(t, { headersMs: 20, requestMs: 40, checkMs: 5 }, takeEvents);
    for (const part of ['GET / HTTP/1.1\r\nx: ', HALF_POST.replace('length: 9', 'length: 999999')]) {
      const { socket, answer } = send(t, port, part);
      const dripping = setInterval(() => socket.write('1'), 2);
      const [refused] = answersIn(await answer.finally(() => clearInterval(dripping)));
      assert.deepEqual([refused?.status, refused?.body.code], [408, 'MR_HTTP_REQUEST_TIMEOUT']);
    }
  });

  it('closes connections on which nothing moves', async (t) => {
    const { port } = await start(t, { silenceMs: 20 }, ({ routes }) => {
      routes.get('/never', () => new Promise(() => {}));
    });
    assert.equal(await send(t, port, 'GET /never HTTP/1.1\r\nhost: a\r\n\r\n').answer, '');
  });

  it('keeps a few connections open, and closes what comes beyond them', async (t) => {
    const { port } = await start(t, { connections: 2 });
    const held = [send(t, port, 'GET / HTTP/1.1\r\nHo'), send(t, port, 'GET / HTTP/1.1\r\nHo')];
    // Both are there when one of them is answered.
    assert.equal(await send(t, port, 'GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n').answer, '');
    held[0]?.socket.write('st: a\r\nconnection: close\r\n\r\n');
    const [answered] = answersIn((await held[0]?.answer) ?? '');
    assert.equal(answered?.status, 200);
  });

  it('answers what is no request with code and hint', async (t) => {
    const { port, logged } = await start(t, {});
    for (const [text, status, code] of [
      ['bytes\r\n\r\n', 400, 'MR_HTTP_MALFORMED'],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'MR_HTTP_HEADERS_TOO_LARGE'],
    ] as const) {
      const [refused] = answersIn(await send(t, port, text).answer);
      assert.deepEqual([refused?.status, refused?.body.code], [status, code]);
      assert.notEqual(refused?.body.hint, undefined);
    }
    assert.deepEqual(logged, []);
  });

  it('works on a few pipelined requests of a connection, and refuses the rest', async (t) => {
    let working = 0;
    let most = 0;
    const { port } = await start(t, { pipelined: 4 }, ({ routes }) => {
      routes.get('/slow', async () => {
        most = Math.max(most, ++working);
        await new Promise((resolve) => setImmediate(resolve));
        working--;
        return {};
      });
    });
    const requests = 'GET /slow HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(500);
    const answers = answersIn(await send(t, port, requests).answer);
    assert.equal(most, 4);
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.code]),
      [...Array.from({ length: 4 }, () => [200, undefined]), [429, 'MR_HTTP_PIPELINED']],
    );
  });

  it('refuses requests beyond what it works on, but not those for its health', async (t) => {
    const gate = Promise.withResolvers<object>();
    const asked = Promise.withResolvers<void>();
    const { port } = await start(t, { inFlight: 1 }, ({ routes }) => {
      routes.get('/held', () => {
        asked.resolve();
        return gate.promise;
      });
    });
    const url = `http://127.0.0.1:${port}`;
    const held = fetch(`${url}/held`);
    await asked.promise;
    const refused = await fetch(`${url}/held`);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
    assert.equal(((await refused.json()) as { code: string }).code, 'MR_HTTP_BUSY');
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    gate.resolve({});
    assert.equal((await held).status, 200);
    assert.equal((await fetch(`${url}/metrics`)).status, 200);
  });

  it('refuses bodies beyond the bytes that it works on, before it reads them', async (t) => {
    const gate = Promise.withResolvers<object>();
    const held = Promise.withResolvers<void>();
    const { port } = await start(t, { bodyBytes: 400_000 }, ({ routes }) => {
      routes.post('/held', () => {
        held.resolve();
        return gate.promise;
      });
    });
    const post = (bytes: number) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
      return fetch(`http://127.0.0.1:${port}/held`, { ...init, body: JSON.stringify('x'.repeat(bytes - 2)) });
    };
    const first = post(150_000);
    await held.promise;
    const refused = await post(60_000);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1']);
    assert.equal(((await refused.json()) as { code: string }).code, 'MR_HTTP_CLIENT_BUSY');
    const tooMuch = await post(260_000);
    assert.equal(((await tooMuch.json()) as { code: string }).code, 'MR_HTTP_BUSY');
    assert.equal((await fetch(`http://127.0.0.1:${port}/health/live`)).status, 200);
    gate.resolve({});
    assert.equal((await first).status, 200);
    assert.equal((await post(190_000)).status, 200);
    assert.match(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), /http_body_bytes 0/);
  });

  it('refuses a body of unknown length when it stops to fit, and not one that is announced alone', async (t) => {
    const { port } = await start(t, { bodyBytes: 100_000, closingMs: 1 }, takeEvents);
    const head = 'POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
    send(t, port, `${head}content-length: 49000\r\n\r\n{`);
    const chunk = `${(20_000).toString(16)}\r\n${' '.repeat(20_000)}\r\n`;
    const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;
    const [refused] = answersIn(await send(t, port, chunked + chunk.repeat(4)).answer);
    assert.deepEqual([refused?.status, refused?.body.code], [429, 'MR_HTTP_CLIENT_BUSY']);
    // The one announced counts for the byte that has come; the refused one no more, once its connection is closed.
    const body = JSON.stringify('x'.repeat(48_000));
    const ask = () =>
      send(t, port, `${head}connection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    let taken = 0;
    for (let i = 0; i < 100 && taken !== 200; i++) taken = answersIn(await ask().answer)[0]?.status ?? 0;
    assert.equal(taken, 200);
  });

  it('renders metrics once, however often they are requested', async (t) => {
    const metrics = createMetrics();
    let rendered = 0;
    const counted = {
      ...metrics,
      render: () => {
        rendered++;
        return metrics.render();
      },
    };
    const server = await createHttpServer({ logger: silent, metrics: counted, metricsEveryMs: 3_600_000 });
    t.after(() => server.close());
    const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
    const ask = async () => (await fetch(`${url}/metrics`)).text();
    const texts = await Promise.all(Array.from({ length: 20 }, ask));
    assert.deepEqual([rendered, new Set(texts).size], [1, 1]);
    await ask();
    assert.equal(rendered, 1);
  });

  it('answers any method and any length of an id as the client’s fault', async (t) => {
    const { port, logged } = await start(t, {}, ({ routes }) => {
      routes.get('/users/:id', async () => ({}));
    });
    const ask = async (method: string, path: string, headers = '') => {
      const text = `${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${headers}\r\n`;
      const [first] = answersIn(await send(t, port, text).answer);
      return [first?.status, first?.body.code];
    };
    assert.deepEqual(await ask('QUERY', '/anything'), [404, 'MR_HTTP_NOT_FOUND']);
    assert.deepEqual(await ask('QUERY', '/anything', 'content-length: 0\r\n'), [404, 'MR_HTTP_NOT_FOUND']);
    assert.deepEqual(await ask('GET', `/users/${'x'.repeat(1_537)}`), [414, 'MR_HTTP_URL_TOO_LONG']);
    assert.deepEqual(logged, []);
  });

  it('takes an upload that is given up for no failure of its own', async (t) => {
    const over = Promise.withResolvers<string>();
    const { port, logged } = await start(t, {}, (server) => {
      const { routes } = server;
      takeEvents(server);
      routes.addHook('onError', async (_request, _reply, error) => over.resolve(error.message));
    });
    const { socket } = send(t, port, HALF_POST);
    await fetch(`http://127.0.0.1:${port}/health/live`);
    socket.resetAndDestroy();
    assert.notEqual(await over.promise, '');
    assert.deepEqual(logged, []);
  });
});
