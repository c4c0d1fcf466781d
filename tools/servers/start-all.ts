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

/** One server of each kind; `tell` is told what is waited for. When one can't be started, none is left running. */
export async function startAll(tell: (text: string) => void = () => {}): Promise<Servers> {
  requirePrograms('java', 'redis-server', ...(isAllFetched() ? [] : (['mvn'] as const)));
  tell(
    isAllFetched()
      ? 'Starting Kafka, the registry and Redis ...'
      : 'Maven fetches Kafka and the registry, 160 MB, which takes minutes; then they are started ...',
  );
  const told = async <S>(name: string, server: Promise<S>): Promise<S> => {
    const started = await server;
    tell(`${name} takes requests.`);
    return started;
  };
  const starting = [
    told('Kafka', KafkaServer.start()),
    told('The registry', RegistryServer.start()),
    told('Redis', RedisServer.start()),
  ] as const;
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
