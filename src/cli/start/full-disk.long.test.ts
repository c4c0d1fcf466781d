/** A real file system without room, where this user may mount one. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually, smallDisk } from '#platform/testing';
import { commandLine, type Running, smallWorld } from '../testing/command-line.ts';

const upLine = /^\{"url".*\}$/m;
const TIMEOUT = 180_000;

const configured = (data: string, reserveMb: number) => ({
  ...smallWorld,
  simulation: 'off',
  data,
  disk: { reserveMb },
});

async function serving(started: Running) {
  const { url } = JSON.parse((await started.until(upLine))[0]) as { url: string };
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const post = async (id: string): Promise<{ status: number; code?: string; message?: string }> => {
    const body = JSON.stringify({ event_id: id, user_id: 'ann', item_id: id, kind: 'like' });
    const response = await fetch(`${url}/events`, { method: 'POST', headers, body });
    return { status: response.status, ...((await response.json()) as object) };
  };
  const get = async (path: string) => {
    const response = await fetch(url + path, { headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { post, get };
}

describe('start on a disk without room', () => {
  it('refuses events before the disk is full, answers, and takes them again', {
    timeout: TIMEOUT,
  }, async (t) => {
    const disk = smallDisk(t, 600);
    if (disk === undefined) return;
    const started = commandLine(t, configured(join(disk.path, 'data'), 64)).begin(['start', '--json']);
    const { post, get } = await serving(started);
    assert.equal((await post('e1')).status, 202);
    await disk.leave(32_000_000);
    await eventually(async () => (await post('e2')).status !== 202);
    const refused = await post('e2');
    assert.deepEqual([refused.status, refused.code], [503, 'MR_DISK_LOW']);
    // Paths stay within the server.
    assert.match(refused.message ?? '', /^The disk of data has \d+ MB free, and 64 MB are reserved/);
    assert.equal((await get('/recommend/ann')).status, 200);
    const { body } = await get('/health/ready');
    assert.ok((body.not_ready as { name: string }[]).some(({ name }) => name === 'disk'));
    await disk.leave(400_000_000);
    await eventually(async () => (await post('e3')).status === 202);
    assert.equal((await started.signal('SIGTERM')).code, 0);
  });

  it('names a full disk, answers, and goes on when there is room', { timeout: TIMEOUT }, async (t) => {
    const disk = smallDisk(t, 600);
    if (disk === undefined) return;
    const started = commandLine(t, configured(join(disk.path, 'data'), 0)).begin(['start', '--json']);
    const { post, get } = await serving(started);
    assert.equal((await post('e1')).status, 202);
    await disk.leave(0);
    await eventually(async () => (await post('more')).code === 'MR_DISK_FULL');
    assert.match(
      (await started.until(/The disk of (\S+) is full/))[1] ?? '',
      new RegExp(`^${disk.path}/data`),
    );
    assert.equal((await get('/recommend/ann')).status, 200);
    await disk.leave(400_000_000);
    await eventually(async () => (await post('last')).status === 202);
    const recent = async () => JSON.stringify((await get('/features/user/ann')).body);
    await eventually(async () => /"last"/.test(await recent()));
    assert.match(await recent(), /"e1"/);
    const { code, err } = await started.signal('SIGTERM');
    assert.equal(code, 0, err);
  });

  it('says at once that there is no room to start, and ends while it waits for some', {
    timeout: TIMEOUT,
  }, async (t) => {
    const disk = smallDisk(t, 600);
    if (disk === undefined) return;
    const line = commandLine(t, configured(join(disk.path, 'data'), 256));
    await disk.leave(1_000_000);
    const { code, err } = await line.run(['start']);
    assert.equal(code, 1);
    assert.match(
      err,
      new RegExp(
        `^error MR_DISK_FULL: The disk of ${disk.path}/data is full\\.\nhint: .*run the command again`,
      ),
    );

    await disk.leave(80_000_000);
    const waiting = line.begin(['start']);
    await waiting.until(/less than disk\.reserveMb/);
    await waiting.until(/The disk of \S+ is full/);
    const ended = await waiting.signal('SIGTERM');
    // 0 where the stores have found room in the meantime.
    assert.ok(ended.code === 130 || ended.code === 0, JSON.stringify(ended).slice(0, 1000));
  });
});
