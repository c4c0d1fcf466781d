/**
 * One step of the benchmark in a process of its own, which prints a Measurement:
 * `node process.ts DIRECTORY fill KIND KEYS ORDER` writes the records and processes them,
 * `node process.ts DIRECTORY start KIND` starts over what is there.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OutgoingRecord, TopicWriter } from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { type Kept, openRows, openRuntime } from './topology.ts';

export type Measurement = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The most memory that the process has held (Linux). */
  readonly peakBytes: number;
};

export type Order = 'in order' | 'scattered';

const CHUNK = 4_000;
/** Without a factor in common with the number of keys: a walk over all of them, far from one to the next. */
const STRIDE = 1_618_033;
/** With its length and five bytes of framing, 100 bytes. */
const TEXT_BYTES = 93;

async function fill(log: EmbeddedLog, kind: Kept, keys: number, order: Order): Promise<void> {
  const writer = await TopicWriter.open(log, await openRows(log));
  const base = systemClock.now() - keys;
  const record = (i: number): OutgoingRecord<string, string> => {
    const id = String(order === 'in order' ? i : (i * STRIDE) % keys).padStart(8, '0');
    return { key: `user-${id}`, value: kind === 'count' ? '' : id.padEnd(TEXT_BYTES), timestamp: base + i };
  };
  for (let from = 0; from < keys; from += CHUNK) {
    const length = Math.min(CHUNK, keys - from);
    await writer.write(Array.from({ length }, (_, i) => record(from + i)));
  }
  await writer.close();
}

function peakBytes(): number {
  const [, kilobytes = 'NaN'] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

const [directory = '', step, kind = 'newest', keys, order] = process.argv.slice(2);
const log = await openEmbeddedLog({ directory, clock: systemClock });
if (step === 'fill') await fill(log, kind as Kept, Number(keys), order as Order);
const runtime = await openRuntime(log, kind as Kept, join(directory, 'state'));
const cpu = process.cpuUsage();
const since = performance.now();
await runtime.start();
if (step === 'fill') await runtime.runUntilCaughtUp();
const seconds = (performance.now() - since) / 1e3;
const { user, system } = process.cpuUsage(cpu);
await runtime.close();
await log.close();
const measurement: Measurement = { seconds, cpuSeconds: (user + system) / 1e6, peakBytes: peakBytes() };
process.stdout.write(`${JSON.stringify(measurement)}\n`);
