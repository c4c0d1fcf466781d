import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandLine, smallWorld } from '../testing/command-line.ts';
import { interaction, writeEvents } from '../testing/event-log.ts';

const empty = { ...smallWorld, simulation: 'off' };
const upLine = /^\{"url".*\}$/m;

describe('start without a world', () => {
  it('refuses other names of users than the log has before it processes anything', async (t) => {
    const { run, directory } = commandLine(t, { ...empty, privacy: { userIds: 'pseudonyms' } });
    await writeEvents(directory, 'interactions', [interaction(0), interaction(1)]);
    const { code, err } = await run(['start']);
    assert.deepEqual([code, /^error (\w+): /m.exec(err)?.[1]], [2, 'MR_PRIVACY_USER_IDS']);
    assert.equal(existsSync(join(directory, '.millrace/state')), false);
  });

  it('serves an empty log, and ends with slow connections open', { timeout: 600_000 }, async (t) => {
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
