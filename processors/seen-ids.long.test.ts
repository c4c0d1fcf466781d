import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { KeyValueStore } from '#engine';
import type { RecentEvents } from '#schemas';
import { SeenIds } from './seen-ids.ts';

/** A store in memory that counts what is read and written. */
class CountedStore implements KeyValueStore<RecentEvents> {
  readonly rows = new Map<string, RecentEvents>();
  reads = 0;
  writes = 0;
  bytes = 0;

  get(key: string): RecentEvents | undefined {
    this.reads++;
    return this.rows.get(key);
  }

  *prefix(prefix: string): Generator<readonly [string, RecentEvents]> {
    for (const [key, row] of [...this.rows].sort()) if (key.startsWith(prefix)) yield [key, row];
  }

  put(key: string, row: RecentEvents): void {
    this.writes++;
    this.bytes += key.length + row.seen.length;
    this.rows.set(key, row);
  }

  timestamp(): undefined {}

  delete(key: string): void {
    this.writes++;
    this.rows.delete(key);
  }

  takeCounts(): { reads: number; writes: number; bytes: number } {
    const { reads, writes, bytes } = this;
    Object.assign(this, { reads: 0, writes: 0, bytes: 0 });
    return { reads, writes, bytes };
  }
}

const HORIZON = 1_000;

it('remembers exactly the ids within the horizon, as a list of them would', () => {
  const act = fc.record({ id: fc.nat(400), later: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(900)) });
  const property = fc.property(fc.array(act, { minLength: 50, maxLength: 600, size: 'max' }), (acts) => {
    const store = new CountedStore();
    let list: { id: number; ts: number; body: number }[] = [];
    let now = 0;
    for (const [body, { id, later }] of acts.entries()) {
      now += body % 40 === 39 ? later : 0;
      list = list.filter(({ ts }) => ts >= now - HORIZON);
      const seen = new SeenIds(store, 'u', now - HORIZON);
      const known = list.find((each) => each.id === id)?.body;
      assert.equal(seen.bodyOf(`e${id}`), known);
      if (known !== undefined) continue;
      seen.add(`e${id}`, now, body);
      list.push({ id, ts: now, body });
    }
    new SeenIds(store, 'u', 0).forget(now);
    assert.equal(store.rows.size, 0);
  });
  fc.assert(property, { numRuns: 60 });
});

it('reads and writes as much for an event, however many there are, and gives their rows back', () => {
  const store = new CountedStore();
  const add = (i: number, ts: number) => {
    store.takeCounts();
    const seen = new SeenIds(store, 'u', ts - HORIZON);
    assert.equal(seen.bodyOf(`id ${i}`), undefined);
    seen.add(`id ${i}`, ts, i);
    return store.takeCounts();
  };
  let [bytes, most] = [0, 0];
  for (let i = 0; i < 50_000; i++) {
    const counts = add(i, 0);
    assert.ok(counts.reads <= 8 && counts.writes <= 8, JSON.stringify(counts));
    bytes += counts.bytes;
    most = Math.max(most, counts.bytes);
  }
  assert.ok(bytes / 50_000 < 400, `${bytes / 50_000} bytes an event`);
  assert.ok(most < 3_000, `${most} bytes`);
  const rows = store.rows.size;
  assert.equal(new SeenIds(store, 'u', 0).bodyOf('id 49999'), 49_999);
  for (let i = 0; i < rows; i++) {
    const counts = add(50_000 + i, 2 * HORIZON + i);
    assert.ok(counts.reads <= 8 && counts.writes <= 8, JSON.stringify(counts));
  }
  assert.ok(store.rows.size < rows / 2, `${store.rows.size} of ${rows}`);
});

it('goes on from the list that earlier releases have kept', () => {
  const store = new CountedStore();
  const events = Array.from({ length: 300 }, (_, i) => ({ event_id: `old ${i}`, ts: i, body: i }));
  store.rows.set('u', { events, buckets: 1, seen: Buffer.alloc(0) });
  const seen = new SeenIds(store, 'u', 100);
  assert.deepEqual([seen.bodyOf('old 99'), seen.bodyOf('old 100')], [undefined, 100]);
  seen.add('new', 400, 7);
  assert.deepEqual(
    [seen.bodyOf('old 99'), seen.bodyOf('old 100'), seen.bodyOf('old 299'), seen.bodyOf('new')],
    [undefined, 100, 299, 7],
  );
  assert.deepEqual(store.rows.get('u')?.events, []);
});
