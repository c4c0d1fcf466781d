import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createAPI, metadataV12, Writer } from '@platformatic/kafka';
import { errorCode } from '#platform';
import { Connections } from './connections.ts';
import { type Address, parseKafkaUrl } from './kafka-options.ts';

/** Takes connections, reads nothing, and never answers. */
async function silentServer(t: TestContext): Promise<{ address: Address; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, sockets };
}

function open(t: TestContext, parameters = ''): Connections {
  const connections = new Connections(parseKafkaUrl(`kafka://nowhere?${parameters}`));
  t.after(() => connections.close());
  return connections;
}

const ask = (connection: Awaited<ReturnType<Connections['get']>>) =>
  metadataV12.api.async(connection, [], false, false);

test('what is for the same has one connection', async (t) => {
  const { address } = await silentServer(t);
  const connections = open(t);
  const [a, b, c] = await Promise.all(['x', 'x', 'y'].map((purpose) => connections.get(address, purpose)));
  assert.equal(a, b);
  assert.notEqual(a, c);
  assert.equal(connections.count, 2);
  await connections.end('x');
  assert.equal(a?.isConnected(), false);
  assert.equal(c?.isConnected(), true);
});

test('the end of a connection does not take the next one with it', async (t) => {
  const { address } = await silentServer(t);
  const connections = open(t);
  const first = await connections.get(address, 'x');
  const closing = first.close();
  const second = await connections.get(address, 'x');
  await closing;
  assert.notEqual(second, first);
  assert.equal(await connections.get(address, 'x'), second);
  assert.equal(connections.count, 1);
});

test('one that the broker has closed is reopened', async (t) => {
  const { address, sockets } = await silentServer(t);
  const connections = open(t);
  const first = await connections.get(address, 'x');
  const ended = new Promise<void>((resolve) => first.once('close', () => resolve()));
  const asked = assert.rejects(ask(first));
  sockets[0]?.destroy();
  await Promise.all([ended, asked]);
  assert.equal(connections.count, 0);
  assert.notEqual(await connections.get(address, 'x'), first);
});

test('none is kept that could not be opened', async (t) => {
  const connections = open(t);
  await assert.rejects(connections.get({ host: '127.0.0.1', port: 1 }, 'x'), /127\.0\.0\.1:1/);
  assert.equal(connections.count, 0);
});

for (const [purpose, seconds] of [
  ['any', 15],
  ['offsets', 30],
  ['fetch-1', 30],
  ['produce-1', 60],
  ['transactional-produce-1', 60],
  ['transactions-1', 30],
  ['groups', 30],
  ['group-1', 120],
] as const) {
  test(`a request for ${purpose} that has no answer for ${seconds} s ends its connection`, async (t) => {
    const { address } = await silentServer(t);
    const connections = open(t);
    const connection = await connections.get(address, purpose);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let failure: unknown;
    const asked = ask(connection).catch((error: unknown) => {
      failure = error;
    });
    t.mock.timers.tick(seconds * 1000 - 1);
    await new Promise(setImmediate);
    assert.equal(failure, undefined);
    t.mock.timers.tick(1);
    await asked;
    assert.match(String(failure), /timed out/);
    t.mock.timers.reset();
    await connections.end(purpose);
    assert.notEqual(await connections.get(address, purpose), connection);
  });
}

test('closing waits neither for answers nor for what could not be written', {
  timeout: 120_000,
}, async (t) => {
  const { address } = await silentServer(t);
  const connections = open(t);
  const connection = await connections.get(address, 'x');
  const large = createAPI<[], void>(
    3,
    12,
    () => Writer.create().append(Buffer.alloc(32 * 1024 * 1024)),
    () => {},
  );
  const asked = [large.async(connection), ask(connection), ask(connection)].map((each) =>
    assert.rejects(each),
  );
  await connections.close();
  await Promise.all(asked);
  await assert.rejects(connections.get(address, 'x'), (error) => errorCode(error) === 'MR_LOG_CLOSED');
  assert.equal(connections.count, 0);
});

test('closing does not wait for connections that are being opened', { timeout: 120_000 }, async (t) => {
  const { address, sockets } = await silentServer(t);
  const connections = open(t, 'tls=true');
  // Nothing gives it up in time.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const opening = assert.rejects(connections.get(address, 'x'));
  while (sockets.length === 0) await new Promise(setImmediate);
  await connections.close();
  await opening;
});
