import { type Topic, TopicReader, TopicWriter } from '#engine';
import type { Log } from '#log';
import { systemClock } from '#platform';
import { Events, type Totals, type View } from '../engine/events.ts';

/** Between two appends of the writer: what gathers meanwhile goes together, as a gateway's requests do. */
const APPEND_EVERY_MS = 5;

export type Load = {
  readonly eventsPerSecond: number;
  /** Before the first event that counts, so that the compiler has done its work. */
  readonly warmUpMs: number;
  readonly measuredMs: number;
};

/**
 * Writes views at a steady rate and reads the totals that come of them, one for each; gives the ms from the call that
 * appended a view to the poll that returned its total. Each view has its number where its session would be, and its
 * total brings it back.
 */
export async function latencies(
  log: Log,
  views: Topic<string, View>,
  totals: Topic<string, Totals>,
  load: Load,
): Promise<number[]> {
  const reader = await TopicReader.open(log, totals, { from: 'end' });
  const writer = await TopicWriter.open(log, views);
  const sent: Sent = { at: [], keys: [] };
  const waits: number[] = [];
  const { first, count } = numbersOf(load);
  const read = async () => {
    for (let seen = 0; seen < count; ) {
      const records = await reader.poll(1_000);
      const now = performance.now();
      for (const { value } of records) {
        const number = Number(value?.session);
        if (number >= first) waits.push(now - (sent.at[number] as number));
      }
      seen += records.length;
    }
  };
  await Promise.all([read(), append(writer, load, sent)]);
  await writer.close();
  await reader.close();
  return waits;
}

/** The first event that counts, and how many there are with those before it. */
export function numbersOf(load: Load): { readonly first: number; readonly count: number } {
  const first = (load.warmUpMs / 1e3) * load.eventsPerSecond;
  return { first, count: first + (load.measuredMs / 1e3) * load.eventsPerSecond };
}

/** Of each event: when it was appended, ms of performance.now, and under which key. */
export type Sent = { readonly at: number[]; readonly keys: string[] };

/** Does not wait for one append before the next, so that a slow one delays no other. */
export async function append(writer: TopicWriter<string, View>, load: Load, sent: Sent): Promise<void> {
  const { count } = numbersOf(load);
  const source = new Events();
  const since = performance.now();
  const appends: Promise<unknown>[] = [];
  while (sent.at.length < count) {
    await systemClock.sleep(APPEND_EVERY_MS);
    const due = Math.min(count, Math.floor(((performance.now() - since) / 1e3) * load.eventsPerSecond));
    const from = sent.at.length;
    const records = Array.from({ length: Math.max(0, due - from) }, (_, i) => {
      const timestamp = systemClock.now();
      return {
        key: source.user(),
        value: { ...source.view(timestamp), session: String(from + i) },
        timestamp,
      };
    });
    if (records.length === 0) continue;
    const now = performance.now();
    for (const { key } of records) {
      sent.at.push(now);
      sent.keys.push(key);
    }
    appends.push(writer.write(records));
  }
  await Promise.all(appends);
}
