/** The servers that the tests of a run share: those that the run has started, or else some of this process's own. */
import { kafkaJars } from './downloads.ts';
import { KafkaServer } from './kafka-server.ts';
import { runTool, type ToolOrClass } from './kafka-tools.ts';
import { RedisServer } from './redis-server.ts';
import { RegistryServer } from './registry-server.ts';

export type SharedKafka = Pick<KafkaServer, 'url' | 'brokers' | 'run'>;
export type SharedRegistry = Pick<RegistryServer, 'url'>;
export type SharedRedis = Pick<RedisServer, 'url'>;

type Addresses = { readonly brokers: string; readonly registry: string; readonly redis: string };

/** Holds the addresses of the run's servers, as JSON. */
const VARIABLE = 'TEST_SERVERS';

/** Why tests of real servers are skipped; false if they are requested. */
export const serversSkip: string | false =
  process.env.MILLRACE_SERVERS === '1' ? false : 'runs with MILLRACE_SERVERS=1';

/** Gives the addresses to the processes that this one starts. */
export function publishAddresses(addresses: Addresses): void {
  process.env[VARIABLE] = JSON.stringify(addresses);
}

function addresses(): Addresses | undefined {
  const text = process.env[VARIABLE];
  return text === undefined ? undefined : (JSON.parse(text) as Addresses);
}

export const sharedKafka = shared<SharedKafka>(
  async ({ brokers }) => {
    const jars = await kafkaJars();
    const run = (tool: ToolOrClass, args: readonly string[], input?: string) =>
      runTool(jars, brokers, tool, args, input);
    return { url: `kafka://${brokers}`, brokers, run };
  },
  () => KafkaServer.start(),
);

export const sharedRegistry = shared<SharedRegistry>(
  ({ registry }) => ({ url: registry }),
  () => RegistryServer.start(),
);

export const sharedRedis = shared<SharedRedis>(
  ({ redis }) => ({ url: redis }),
  () => RedisServer.start(),
);

/** Returns undefined if servers are not requested; a server that can't be started is an error. */
function shared<T>(
  at: (addresses: Addresses) => T | Promise<T>,
  start: () => Promise<T>,
): () => Promise<T | undefined> {
  let server: Promise<T> | undefined;
  return async () => {
    if (serversSkip !== false) return undefined;
    const given = addresses();
    server ??= given === undefined ? start() : Promise.resolve(at(given));
    return server;
  };
}
