/**
 * How soon an event changes answers: `npm run bench -- reaction [--servers] [EVENTS]`. The product runs as its users run it,
 * live agents included; with `--servers` on Kafka, a schema registry and Redis of this benchmark's own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#platform';
import { KafkaServer, RedisServer, RegistryServer } from '#servers';
import { percentile, printFigure } from './figure.ts';
import { Product } from './product.ts';

const AIM_P99_MS = { embedded: 150, servers: 300 };
const POLL_MS = 2;
const USERS = 2_000;
/** Reactions before those that are measured: functions are compiled, connections opened. */
const WARM_UP = 50;

export async function run(): Promise<void> {
  const given = process.argv.slice(3);
  const events = Number(given.find((each) => !each.startsWith('--')) ?? 300);
  if (!given.includes('--servers')) return measure('embedded', events, {});
  const servers = await Promise.all([KafkaServer.start(), RegistryServer.start(), RedisServer.start()]);
  try {
    const [kafka, registry, redis] = servers;
    await measure('servers', events, {
      MILLRACE_LOG: kafka.url,
      MILLRACE_REGISTRY: registry.url,
      MILLRACE_VIEWS: redis.url,
      MILLRACE_SIMULATION_WORLD: 'on',
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function measure(
  on: 'embedded' | 'servers',
  events: number,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const product = await Product.start(directory, environment);
  try {
    const delays: number[] = [];
    for (let nth = 0; nth < WARM_UP + events; nth++) {
      const delay = await reaction(product, `u${(nth % USERS) + 1}`);
      if (nth >= WARM_UP) delays.push(delay);
    }
    const name = on === 'embedded' ? 'embedded log, rows in process' : 'Kafka, registry, rows in Redis';
    const shared = {
      bench: 'reaction',
      case: `${name}: event posted to changed answer`,
      unit: 'ms',
    } as const;
    printFigure({ ...shared, metric: 'p50_ms', value: percentile(delays, 0.5) });
    printFigure({ ...shared, metric: 'p95_ms', value: percentile(delays, 0.95) });
    printFigure({ ...shared, metric: 'p99_ms', value: percentile(delays, 0.99), aim: AIM_P99_MS[on] });
  } finally {
    await product.stop();
    rmSync(directory, { recursive: true });
  }
}

/** From the call that posts a click on an answered item to the first answer without that item, ms. */
async function reaction({ client }: Product, user: string): Promise<number> {
  const clicked = (await client.recommend(user)).items[0]?.item_id;
  const posted = performance.now();
  await client.post({ user_id: user, item_id: clicked, kind: 'click' });
  while ((await client.recommend(user)).items.some((item) => item.item_id === clicked)) {
    await systemClock.sleep(POLL_MS);
  }
  return performance.now() - posted;
}
