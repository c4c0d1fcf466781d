import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandLine, jsonLines, type Running, smallWorld } from '../testing/command-line.ts';
import { readTopic } from '../testing/event-log.ts';

const TIMEOUT = 300_000;
const upLine = /^\{"url".*\}$/m;
const configuration = {
  ...smallWorld,
  simulation: { ...smallWorld.simulation, events: 1_000 },
  privacy: { userIds: 'pseudonyms' },
  backup: { intervalSeconds: 0.2 },
};

type Shipped = { readonly at: number; readonly number: number | null };

async function urlOf(started: Running): Promise<string> {
  return (JSON.parse((await started.until(upLine))[0]) as { url: string }).url;
}

/** Posts events one after another until `signal`; returns when each was acknowledged. */
async function load(url: string, name: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const acknowledged = new Map<string, number>();
  for (let i = 0; !signal.aborted; i++) {
    const event_id = `${name}-${i}`;
    const body = JSON.stringify({ event_id, user_id: `user ${i % 20}`, item_id: `i${i % 60}`, kind: 'like' });
    const headers = { 'content-type': 'application/json' };
    try {
      const response = await fetch(`${url}/events`, { method: 'POST', headers, body, signal });
      await response.arrayBuffer();
      if (response.status === 202) acknowledged.set(event_id, Date.now());
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  return acknowledged;
}

describe('a machine that is lost under load', () => {
  it('is restored elsewhere with everything acknowledged before the last shipment, and goes on', {
    timeout: TIMEOUT,
  }, async (t) => {
    const { directory, begin, run } = commandLine(t, configuration);
    const place = join(directory, 'place');
    const started = begin(['start', '--json']);
    const url = await urlOf(started);
    const backup = begin(['backup', place, '--follow', '--json']);
    const ending = new AbortController();
    const loads = Promise.all(['a', 'b', 'c'].map((name) => load(url, name, ending.signal)));
    await backup.until(/"number":12,/);
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    while (!/^millrace_backup_shipped_ms \d{13}$/m.test(await metrics()));
    ending.abort();
    await Promise.all([started.signal('SIGKILL'), backup.signal('SIGKILL')]);
    const acknowledged = (await loads).flatMap((each) => [...each]);
    const shipped = jsonLines<Shipped>((await backup.ended).out);
    rmSync(join(directory, '.millrace'), { recursive: true });

    const restored = await run(['restore', place, '--data', 'elsewhere', '--json']);
    assert.equal(restored.code, 0, restored.err);
    const { at } = JSON.parse(restored.out) as { at: number };
    assert.ok(
      at >= (shipped.at(-1)?.at ?? Number.POSITIVE_INFINITY),
      'what was said to be shipped is restored',
    );
    const lists = await readTopic(join(directory, 'elsewhere'), 'interactions');
    const there = new Set(lists.flat().map(({ event_id }) => event_id));
    const due = acknowledged.filter(([, acknowledgedAt]) => acknowledgedAt < at);
    assert.ok(due.length > 20, `${due.length} of ${acknowledged.length} events were acknowledged before`);
    assert.deepEqual(
      due.filter(([id]) => !there.has(id)),
      [],
    );
    const verified = await run(['verify', '--data', 'elsewhere', '--json']);
    assert.equal(verified.code, 0, verified.out + verified.err);

    const again = begin(['start', '--json', '--data', 'elsewhere']);
    const posted = await fetch(`${await urlOf(again)}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ event_id: 'after', user_id: 'user 1', item_id: 'i1', kind: 'like' }),
    });
    assert.equal(posted.status, 202);
    const { code } = await again.signal('SIGINT');
    assert.equal(code, 0);
    const next = await run(['backup', place, '--data', 'elsewhere', '--json']);
    assert.equal((JSON.parse(next.out) as { base: boolean }).base, true, 'another history');
    const listed = await run(['backups', place, '--verify', '--json']);
    assert.equal(listed.code, 0, listed.out + listed.err);
  });
});
