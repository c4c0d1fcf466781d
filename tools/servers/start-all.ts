import { isAllFetched } from './downloads.ts';
import { KafkaServer } from './kafka-server.ts';
import { requirePrograms } from './programs.ts';
import { RedisServer } from './redis-server.ts';
import { RegistryServer } from './registry-server.ts';

export type Servers = {
  readonly kafka: KafkaServer;
  readonly registry: RegistryServer;
  readonly redis: RedisServer;
  readonly stop: () => Promise<void>;
};

/** One server of each kind. When one can't be started, none is left running. */
export async function startAll(): Promise<Servers> {
  requirePrograms('java', 'redis-server', ...(isAllFetched() ? [] : (['mvn'] as const)));
  const starting = [KafkaServer.start(), RegistryServer.start(), RedisServer.start()] as const;
  const stop = async () => {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map(async (each) => each.status === 'fulfilled' && each.value.stop()));
  };
  try {
    const [kafka, registry, redis] = await Promise.all(starting);
    return { kafka, registry, redis, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
