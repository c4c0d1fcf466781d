/**
 * A backup of 10 million events and its restore, plain and encrypted: how long each takes, what it costs, and how large the
 * backup is. The restore includes reading back and comparing all of it. Takes the number of events as argument.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDirectoryStore, restoreBackup, Shipper, writeDirectoryStore } from '#backup';
import { openEmbeddedLog, type ProducerRecord } from '#log';
import { createLogger, systemClock } from '#platform';
import { printFigure } from './figure.ts';

const [, , , given = '10000000'] = process.argv;
const EVENTS = Number(given);
const PER_COMMIT = 1_000;
const PARTITIONS = 4;
const VALUE_BYTES = 104;
/** Bytes of a value that take one of a few hundred values, as ids, enums and times do; the others are random. */
const REPEATED_BYTES = 72;
const { signal } = new AbortController();
const logger = createLogger({ level: 'warn', name: 'bench' });

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const data = join(directory, 'data');
  try {
    await writeEvents(data);
    const { size } = await stat(join(data, 'log.sqlite'));
    print('log', 'bytes', size, 'bytes');
    for (const passphrase of [undefined, 'a passphrase of a benchmark'])
      await measure(directory, data, size, passphrase);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measure(directory: string, data: string, size: number, passphrase: string | undefined) {
  const name = passphrase === undefined ? 'plain' : 'encrypted';
  const place = join(directory, name);
  let shipped = 0;
  await timed(`backup, ${name}`, async () => {
    const store = await writeDirectoryStore(place);
    const shipper = await Shipper.open({
      store,
      passphrase,
      dataDirectory: data,
      configurationFiles: [],
      decisionsTopic: 'privacy',
      keepMs: Number.POSITIVE_INFINITY,
      clock: systemClock,
      logger,
      signal,
    });
    shipped = (await shipper.ship()).bytes;
    shipper.close();
    store.close();
  });
  print(`backup, ${name}, to the log`, 'ratio', shipped / size, 'bytes/byte');
  const restored = join(directory, `restored-${name}`);
  await timed(`restore, ${name}`, async () => {
    const store = await readDirectoryStore(place);
    const at = Number.POSITIVE_INFINITY;
    const { records } = await restoreBackup({
      store,
      passphrase,
      at,
      dataDirectory: restored,
      decisionsTopic: 'privacy',
      signal,
    });
    if (records !== EVENTS) throw new Error(`${records} of ${EVENTS} events were restored`);
  });
  await rm(restored, { recursive: true });
  await rm(place, { recursive: true });
}

async function writeEvents(directory: string): Promise<void> {
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  await log.createTopics([{ name: 'interactions', partitions: PARTITIONS, cleanup }]);
  const producer = await log.producer();
  const noise = randomBytes(1 << 20);
  for (let at = 0; at < EVENTS; at += PER_COMMIT) {
    const records = Array.from({ length: Math.min(PER_COMMIT, EVENTS - at) }, (_, i) => event(at + i, noise));
    await producer.append('interactions', (at / PER_COMMIT) % PARTITIONS, records);
  }
  await producer.close();
  await log.close();
}

function event(i: number, noise: Buffer): ProducerRecord {
  const value = Buffer.alloc(VALUE_BYTES, i % 251);
  const from = (i * 32) % (noise.length - VALUE_BYTES);
  noise.copy(value, REPEATED_BYTES, from, from + VALUE_BYTES - REPEATED_BYTES);
  return { key: Buffer.from(`user-${i % 100_000}`.padEnd(16, '-')), value, timestamp: 1_700_000_000_000 + i };
}

async function timed(name: string, work: () => Promise<void>): Promise<void> {
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  await work();
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  print(name, 'seconds', seconds, 's');
  print(name, 'events_per_second', EVENTS / seconds, 'events/s');
  print(name, 'events_per_cpu_second', EVENTS / ((user + system) / 1e6), 'events/cpu-s');
}

function print(
  name: string,
  metric: Parameters<typeof printFigure>[0]['metric'],
  value: number,
  unit: string,
) {
  printFigure({ bench: 'restore-backup', case: `${EVENTS / 1e6} M events, ${name}`, metric, value, unit });
}
