import { checkBackwardCompatible } from '#avro';
import type { Log, SchemaRegistry, TopicSpec } from '#log';
import { errorCode } from '#platform';

/** A read-only log and registry, with what callers tried to create. */
export type Untouched = {
  readonly log: Log;
  readonly registry: SchemaRegistry;
  /** Topics that would be created. */
  readonly created: ReadonlySet<string>;
  /** Why requested creations would be refused. */
  readonly refused: readonly string[];
};

/** Ids of schemas that are not registered: no value is encoded with them. */
const FIRST_UNREGISTERED = 0x7f00_0000;

/** For finding out what code would do to a log without its doing it. Other writes are not expected, and go through. */
export async function untouched(log: Log, registry: SchemaRegistry): Promise<Untouched> {
  const existing = new Map((await log.describeTopics()).map((topic) => [topic.name, topic]));
  const created = new Set<string>();
  const refused: string[] = [];
  const createTopics = async (specs: readonly TopicSpec[]) => {
    for (const { name, partitions } of specs) {
      const found = existing.get(name);
      if (found === undefined) created.add(name);
      else if (found.partitions !== partitions)
        refused.push(`topic ${name} has ${found.partitions} partitions and is declared with ${partitions}`);
    }
  };
  let unregistered = FIRST_UNREGISTERED;
  const register = async (subject: string, schema: object): Promise<number> => {
    const versions = await registry.versions(subject).catch((error: unknown) => {
      if (errorCode(error) !== 'MR_SCHEMA_UNKNOWN') throw error;
      return [];
    });
    for (const id of versions)
      if (JSON.stringify(await registry.schema(id)) === JSON.stringify(schema)) return id;
    const newest = versions.at(-1);
    const why =
      newest === undefined ? undefined : checkBackwardCompatible(schema, await registry.schema(newest));
    if (why !== undefined)
      refused.push(`the schema of ${subject} can't read what was written before: ${why}`);
    unregistered++;
    return unregistered;
  };
  return {
    log: overriding(log, { createTopics }),
    registry: overriding(registry, { register }),
    created,
    refused,
  };
}

function overriding<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value = (Reflect.get(own, name) ?? Reflect.get(target, name)) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
