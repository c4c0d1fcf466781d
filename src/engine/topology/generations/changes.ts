import { checkBackwardCompatible } from '#avro';
import type { Manifest, RepartitionEntry, StoreEntry, ValueType } from './manifest.ts';

/** A difference between what was kept and what is declared, that no start may pass over. */
export type StateChange =
  /** A store that is no longer declared: renamed, or no longer wanted. */
  | { readonly kind: 'removed'; readonly name: string; readonly was: StoreEntry }
  | { readonly kind: 'retyped'; readonly name: string; readonly why: string }
  /** A store whose changelog is another topic than it was. */
  | { readonly kind: 'moved'; readonly name: string; readonly was: string; readonly is: string }
  | { readonly kind: 'repartitioned'; readonly name: string; readonly was: number; readonly is: number }
  /** A repartition topic, by its operator's name, with another number of partitions. */
  | { readonly kind: 'topic-repartitioned'; readonly name: string; readonly was: number; readonly is: number }
  | { readonly kind: 'topic-retyped'; readonly name: string; readonly why: string }
  | { readonly kind: 'topic-removed'; readonly name: string; readonly topic: string };

/** Compares two manifests. State that is new is no change: it begins empty. */
export function changesBetween(was: Manifest, is: Manifest): StateChange[] {
  const stores = new Map(is.stores.map((store) => [store.name, store]));
  const topics = new Map(is.repartitions.map((topic) => [topic.name, topic]));
  return [
    ...was.stores.flatMap((store) => storeChanges(store, stores.get(store.name))),
    ...was.repartitions.flatMap((topic) => topicChanges(topic, topics.get(topic.name))),
  ];
}

function topicChanges(was: RepartitionEntry, is: RepartitionEntry | undefined): StateChange[] {
  const { name, topic, partitions } = was;
  if (is === undefined) return [{ kind: 'topic-removed', name, topic }];
  const changes: StateChange[] = [];
  if (is.partitions !== partitions)
    changes.push({ kind: 'topic-repartitioned', name, was: partitions, is: is.partitions });
  const why = retyped(was, is);
  if (why !== undefined) changes.push({ kind: 'topic-retyped', name, why });
  return changes;
}

function storeChanges(was: StoreEntry, is: StoreEntry | undefined): StateChange[] {
  const { name } = was;
  // A copy of a source is made from it again.
  if (!was.logged) return [];
  if (is === undefined) return [{ kind: 'removed', name, was }];
  const changes: StateChange[] = [];
  const why =
    was.kind === is.kind
      ? retyped(was, is)
      : `it was a store of kind ${was.kind ?? 'key-value'} and is ${is.kind ?? 'key-value'}`;
  if (why !== undefined) changes.push({ kind: 'retyped', name, why });
  if (was.changelog !== is.changelog)
    changes.push({ kind: 'moved', name, was: was.changelog, is: is.changelog });
  if (was.partitions !== is.partitions)
    changes.push({ kind: 'repartitioned', name, was: was.partitions, is: is.partitions });
  return changes;
}

/**
 * Why rows of the one can't be read as rows of the other; undefined where they can. Within a format that knows schemas,
 * a new one has to read what the old one wrote (Avro's rules of resolution); a format without schemas vouches for
 * itself; where no format is named, every other fingerprint is another type.
 */
export function retyped(was: ValueType, is: ValueType): string | undefined {
  if (was.fingerprint === is.fingerprint) return undefined;
  const [before, now] = [was.format?.family, is.format?.family];
  if (before !== now)
    return `its values were ${before ?? 'in a custom format'} and are ${now ?? 'in a custom format'}`;
  if (was.format === undefined || is.format === undefined) return 'its values have another fingerprint';
  const [writer, reader] = [was.format.schema, is.format.schema];
  if (writer === undefined || reader === undefined) return undefined;
  const reason = checkBackwardCompatible(reader, writer);
  return reason === undefined ? undefined : `its schema can't read what was written before: ${reason}`;
}

/** One line for each change, with what may be done about it. */
export function describeChange(
  change: StateChange,
  is: Manifest,
  was: Manifest,
  choices: 'rebuild-or-drop' | 'drop' = 'rebuild-or-drop',
): string {
  const { name } = change;
  const either = choices === 'drop' ? `drop ["${name}"]` : `rebuild ["${name}"] or drop ["${name}"]`;
  switch (change.kind) {
    case 'removed': {
      const known = new Set(was.stores.map((store) => store.name));
      const heirs = is.stores.filter(
        (store) =>
          !known.has(store.name) &&
          store.partitions === change.was.partitions &&
          retyped(change.was, store) === undefined,
      );
      const renames = heirs.map((store) => `rename { "${name}": "${store.name}" }`);
      return `store ${name} is no longer declared: ${[...renames, `drop ["${name}"]`].join(' or ')}`;
    }
    case 'retyped':
      return `store ${name}: ${change.why}: ${either}`;
    case 'moved':
      return `store ${name} was kept in ${change.was} and is in ${change.is}: ${either}`;
    case 'repartitioned':
      return `store ${name} had ${change.was} partitions and has ${change.is}: ${either}`;
    case 'topic-repartitioned':
      return `the repartition topic of ${name} had ${change.was} partitions and has ${change.is}: ${either}, which loses records in transit`;
    case 'topic-retyped':
      return `the repartition topic of ${name}: ${change.why}: ${either}, which loses records in transit`;
    case 'topic-removed':
      return `the repartition topic of ${name} is no longer declared: drop ["${name}"], which loses records in transit`;
  }
}
