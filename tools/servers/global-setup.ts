/** What the test runner does once before all test files, and after them: with MILLRACE_SERVERS=1, the servers that they share. */
let stop: (() => Promise<void>) | undefined;

export async function globalSetup(): Promise<void> {
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
