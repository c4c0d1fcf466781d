import { randomBytes } from 'node:crypto';
import { type AnyView, crossKeysOf, versionedName } from '#features';

/**
 * How the keys are built:
 *
 *     <namespace>:{<entity>.<shard>}:<generation>                     the shard's mark (shard-mark.ts)
 *     <namespace>:{<entity>.<shard>}:<generation>:<topic>:<key>       a row (row-format.ts)
 *     <namespace>:{control}:live, next, builder, garbage              which generation is which (generations.ts)
 *     <namespace>:changed                                             channel of the users whose rows have changed
 *     <namespace>:{control}:owner                                     the log whose views these are (namespace-owner.ts)
 *
 * The view of a module has all of this for itself, below `<namespace>/<view>-<version>`: modules come and go without the
 * others' being rebuilt.
 *
 * What stands in braces decides in which slot of a cluster a key lies. All rows of a user, of whichever topic, and those
 * that the user has with items and categories, lie in one slot beside their shard's mark, so that one MGET reads them
 * with it and one script writes them under it. The shards of an entity spread over the nodes; there are few, because every read and every saving of progress is a
 * command a shard at worst, and enough for as many nodes.
 */
export const SHARDS = 16;

/** The entity that rows belong to; rows of a user and something else are the user's. */
export type Entity = 'user' | 'item';

export class Keyspace {
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** That of the view of a module. */
  ofModule(view: Pick<AnyView, 'name' | 'version'>): Keyspace {
    return new Keyspace(`${this.#namespace}/${versionedName(view)}`);
  }

  control(name: 'live' | 'next' | 'builder' | 'garbage' | 'owner'): string {
    return `${this.#namespace}:{control}:${name}`;
  }

  /** Channel: lists of user ids as JSON, or '' where rows of any users may have changed. */
  get changed(): string {
    return `${this.#namespace}:changed`;
  }

  mark(generation: string, entity: Entity, shard: number): string {
    return `${this.#namespace}:{${entity}.${shard}}:${generation}`;
  }

  row(mark: string, topic: string, key: string): string {
    return `${mark}:${topic}:${key}`;
  }

  /** Matches every key of the generation, and in rare cases others: compare with `isOf`. */
  patternOf(generation: string): string {
    return `${this.#namespace}:{*}:${generation}*`;
  }

  isOf(generation: string, key: string): boolean {
    const from = key.indexOf('}:') + 2;
    const end = from + generation.length;
    return key.startsWith(generation, from) && (key.length === end || key[end] === ':');
  }
}

/** What ends the user's id in a cross key. */
const SEPARATOR = crossKeysOf('').charCodeAt(0);

/** The shard of a key: FNV-1a over the UTF-16 units, of a cross key over those of its user. */
export function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    if (unit === SEPARATOR) break;
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return (hash >>> 0) % SHARDS;
}

/** Never given twice, even where Redis has forgotten all earlier ones: a zombie must not take it for its own. */
export function newGeneration(): string {
  return randomBytes(8).toString('hex');
}
