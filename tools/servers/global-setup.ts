/**
 * What a run of tests does once before all test files, and after them: what makes the processes to come quicker; with
 * MILLRACE_SERVERS=1, the servers that the tests share.
 */
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** Of the memory's file system. A run has some hundred megabytes at a time, and writes twenty gigabytes in all. */
const WANTED_BYTES = 4 * 1024 ** 3;

let temporary: string | undefined;
let stop: (() => Promise<void>) | undefined;

export async function globalSetup(): Promise<void> {
  // Half of the time that a process takes to start is the compiler's, and tests start some hundreds.
  process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
  // Servers, in tests and in the processes that these start, hold each answer against its documented schema.
  process.env.MILLRACE_HTTP_CHECKED = '1';
  temporary = await temporaryInMemory();
  if (temporary !== undefined) process.env.TMPDIR = temporary;
  if (process.env.MILLRACE_SERVERS !== '1') return;
  const { startAll } = await import('./start-all.ts');
  const { publishAddresses } = await import('./shared.ts');
  const { kafka, registry, redis, stop: stopAll } = await startAll();
  publishAddresses({ brokers: kafka.brokers, registry: registry.url, redis: redis.url });
  stop = stopAll;
}

export async function globalTeardown(): Promise<void> {
  await stop?.();
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
}

/** A directory for temporary files that no disk has to take; undefined where TMPDIR is chosen, or memory is short. */
async function temporaryInMemory(): Promise<string | undefined> {
  if (process.env.TMPDIR !== undefined) return undefined;
  const space = await statfs(MEMORY).catch(() => undefined);
  if (space === undefined || space.bavail * space.bsize < WANTED_BYTES) return undefined;
  return mkdtemp(join(MEMORY, 'millrace-tests-'));
}
