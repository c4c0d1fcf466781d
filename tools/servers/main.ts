/**
 * `npm run servers`: Kafka, a schema registry and Redis on free ports of this machine, with their data in temporary
 * directories, until Ctrl-C; one that ends meanwhile is started again. Ends with 0 when it was told to, 1 when a server
 * can't be started, 2 on wrong usage.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAll } from './start-all.ts';

const USAGE = `usage: npm run servers

Starts Apache Kafka, a schema registry (Apicurio, with Confluent's API) and Redis, each on a free port of 127.0.0.1 with
its data in a temporary directory, and prints how to use them. Ctrl-C stops them and removes their data.

Needs Java 17 or newer, Maven (for the first time only: it fetches Kafka and the registry from Maven Central, 160 MB,
into ~/.cache/millrace) and Redis: apt-get install openjdk-17-jre-headless maven redis-server`;

const LOOK_EVERY_MS = 250;

process.exitCode = await main();

async function main(): Promise<number> {
  let isHelp: boolean;
  try {
    const options = { help: { type: 'boolean', short: 'h', default: false } } as const;
    isHelp = parseArgs({ options }).values.help;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (isHelp) {
    console.log(USAGE);
    return 0;
  }
  try {
    return await serve();
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
}

async function serve(): Promise<number> {
  const asked = new AbortController();
  let isUp = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      asked.abort();
      // What has been started by then goes with this process.
      if (!isUp) process.exit(130);
    });
  }
  const { kafka, registry, redis, stop } = await startAll((text) => console.error(text));
  isUp = true;
  try {
    console.log(description(kafka.url, registry.url, redis.url));
    while (!asked.signal.aborted) {
      for (const [name, server] of Object.entries({ Kafka: kafka, 'The registry': registry, Redis: redis })) {
        if (server.isRunning) continue;
        console.error(`${name} has ended; it is started again ...`);
        await server.restart();
        console.error(`${name} takes requests again.`);
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: asked.signal }).catch(() => {});
    }
    return 0;
  } finally {
    await stop();
  }
}

function description(log: string, registry: string, views: string): string {
  return `Kafka     ${log}
Registry  ${registry}
Redis     ${views}

In millrace.config.json:
${JSON.stringify({ log, registry, views }, null, 2)}

Ctrl-C stops them and removes their data.`;
}
