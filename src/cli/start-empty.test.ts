import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { commandLine, smallWorld } from './testing/command-line.ts';

const empty = { ...smallWorld, simulation: 'off' };
const upLine = /^\{"url".*\}$/m;

describe('start without a world', () => {
  it('serves an empty log, and ends with slow connections open', { timeout: 120_000 }, async (t) => {
    const started = commandLine(t, empty).begin(['start', '--json']);
    const up = JSON.parse((await started.until(upLine))[0]) as { url: string; world: object | null };
    assert.equal(up.world, null);
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const event = JSON.stringify({ user_id: 'ann', item_id: 'i1', kind: 'like' });
    const posted = await fetch(`${up.url}/events`, { method: 'POST', headers, body: event });
    assert.equal(posted.status, 202, await posted.text());

    const parts = [
      '',
      'GET / HTTP/1.1\r\nHo',
      `POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{`,
    ];
    const sockets = Array.from({ length: 300 }, (_, n) => {
      const socket = connect(Number(new URL(up.url).port), '127.0.0.1');
      t.after(() => void socket.destroy());
      socket.on('error', () => {}).write(parts[n % parts.length] as string);
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const { code, err } = await started.signal('SIGTERM');
    assert.equal(code, 0, err);
  });
});
