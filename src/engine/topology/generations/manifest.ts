import type { Log, RecordBatch, TopicSpec } from '#log';
import { errorCode, FatalError } from '#platform';
import type { Serde, SerdeFormat } from '../../serde.ts';
import type { SubTopology, Topology } from '../topology.ts';

/** A store as the last accepted topology declared it. */
export type StoreEntry = {
  /** `<processor>/<store>`. */
  readonly name: string;
  readonly subTopology: string;
  readonly partitions: number;
  readonly changelog: string;
  /** Whether the changelog is the engine's own, and not a topic that others read. */
  readonly isOwn: boolean;
  /** Whether the store's task writes the changelog; not so for a copy of a source. */
  readonly logged: boolean;
  /** How the store is laid out, where that is not by key alone. */
  readonly kind?: string;
} & ValueType;

/** The type of a store's values, or of a repartition topic's. */
export type ValueType = {
  /** Hexadecimal. */
  readonly fingerprint: string;
  readonly format?: SerdeFormat;
};

/** A repartition topic, by the name of the operator that it belongs to. */
export type RepartitionEntry = {
  readonly name: string;
  readonly topic: string;
  readonly partitions: number;
} & ValueType;

/** What a topology keeps: the state and the topics that the next start has to find again. */
export type Manifest = {
  readonly version: 1;
  readonly stores: readonly StoreEntry[];
  readonly repartitions: readonly RepartitionEntry[];
  /** The generation that the state was carried over from, unless it began empty: see carryOver. */
  readonly carriedFrom?: number;
};

/** One generation of a topology. */
export type GenerationName = Pick<Topology, 'name' | 'generation'>;

const KEY = Buffer.from('topology');
const POLL_MS = 1_000;
const DAY_MS = 86_400_000;

export function manifestTopic({ name, generation }: GenerationName): TopicSpec {
  return {
    name: `${name}-${generation}-manifest`,
    partitions: 1,
    cleanup: { policy: 'compact', tombstoneRetentionMs: DAY_MS },
  };
}

export function manifestOf(topology: Topology): Manifest {
  const internal = new Set(topology.internalTopics.map(({ name }) => name));
  return {
    version: 1,
    stores: topology.subTopologies.flatMap((subTopology) => storesOf(subTopology, internal)),
    repartitions: topology.subTopologies.flatMap(({ sources }) =>
      sources
        .filter(({ topic }) => internal.has(topic.name))
        .map(({ name, topic }) => {
          const { value, partitions } = topic;
          return { name, topic: topic.name, partitions, ...typeOf(value) };
        }),
    ),
  };
}

function storesOf({ name: subTopology, stores, partitions }: SubTopology, internal: ReadonlySet<string>) {
  return stores.map(({ name, changelog, logged, spec }): StoreEntry => {
    return {
      name,
      subTopology,
      partitions,
      changelog,
      isOwn: logged && internal.has(changelog),
      logged,
      ...(spec.kind !== undefined && { kind: spec.kind }),
      ...typeOf(spec.value),
    };
  });
}

function typeOf({ fingerprint, format }: Pick<Serde<unknown>, 'fingerprint' | 'format'>): ValueType {
  return { fingerprint: fingerprint.toString('hex'), ...(format && { format }) };
}

export function encodeManifest(manifest: Manifest): { key: Buffer; value: Buffer } {
  return { key: KEY, value: Buffer.from(JSON.stringify(manifest)) };
}

/** The manifest of the last accepted topology of this name and generation; undefined where there was none. */
export async function readManifest(log: Log, topology: GenerationName): Promise<Manifest | undefined> {
  const place = { topic: manifestTopic(topology).name, partition: 0 };
  const bounds = await boundsOf(log, place.topic);
  if (bounds === undefined || bounds.start >= bounds.stable) return undefined;
  let newest: Manifest | undefined;
  const consumer = await log.consumer();
  try {
    consumer.assign([{ ...place, offset: bounds.start }]);
    while ((consumer.position(place) ?? 0) < bounds.stable) {
      for (const batch of await consumer.poll(POLL_MS)) {
        for (let i = 0; i < batch.count; i++) newest = manifestAt(batch, i) ?? newest;
      }
    }
  } catch (error) {
    // Whoever else carries the generation over has deleted it meanwhile.
    if (errorCode(error) === 'MR_LOG_UNKNOWN_TOPIC') return undefined;
    throw error;
  } finally {
    await consumer.close();
  }
  return newest;
}

/** Undefined for what another program has written; the manifest before it stands. */
function manifestAt(batch: RecordBatch, index: number): Manifest | undefined {
  const value = batch.value(index);
  if (value === null || batch.key(index)?.equals(KEY) !== true) return undefined;
  return decode(value, `${batch.topic}, partition ${batch.partition}, offset ${batch.offset(index)}`);
}

async function boundsOf(log: Log, topic: string) {
  try {
    const [description] = await log.describeTopics([topic]);
    return description?.offsets[0];
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    return undefined;
  }
}

function decode(bytes: Buffer, where: string): Manifest | undefined {
  let manifest: Manifest | { readonly version?: unknown } | null;
  try {
    manifest = JSON.parse(bytes.toString()) as typeof manifest;
  } catch {
    return undefined;
  }
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) return undefined;
  if (manifest.version === 1) return manifest as Manifest;
  throw new FatalError(
    'MR_TOPOLOGY_MANIFEST',
    `The manifest in ${where} can't be read: it has version ${String(manifest.version)}.`,
    { hint: 'a newer release wrote it: start that one' },
  );
}
