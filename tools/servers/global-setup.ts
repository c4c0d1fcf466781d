/**
 * What the test runner does once before all test files, and after them: what makes the processes to come quicker; with
 * MILLRACE_SERVERS=1, the servers that the tests share.
 */
import { join } from 'node:path';

let stop: (() => Promise<void>) | undefined;

export async function globalSetup(): Promise<void> {
  // Half of the time that a process takes to start is the compiler's, and tests start some hundreds.
  process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
  // Servers, in tests and in the processes that these start, hold each answer against its documented schema.
  process.env.MILLRACE_HTTP_CHECKED = '1';
  if (process.env.MILLRACE_SERVERS !== '1') return;
  const { startAll } = await import('./start-all.ts');
  const { publishAddresses } = await import('./shared.ts');
  const { kafka, registry, redis, stop: stopAll } = await startAll();
  publishAddresses({ brokers: kafka.brokers, registry: registry.url, redis: redis.url });
  stop = stopAll;
}

export async function globalTeardown(): Promise<void> {
  await stop?.();
}
