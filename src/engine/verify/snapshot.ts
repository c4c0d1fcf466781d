/** What the stores of a task hold, by digest, when it has read its inputs up to these offsets. */
export type TaskSnapshot = {
  readonly task: string;
  /** The next offset to read, by topic. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly stores: readonly StoreDigest[];
};

export type StoreDigest = {
  /** `<processor>/<store>`. */
  readonly name: string;
  /** Hexadecimal. */
  readonly digest: string;
  /** Hexadecimal: of the schema that the digest was made with. */
  readonly fingerprint: string;
};

export type SnapshotComparison = {
  /** Stores at the same offsets with the same digest: they hold the same data. */
  readonly equal: readonly string[];
  readonly different: readonly string[];
  /** Stores that one side lacks, or has under another schema. Their digests say nothing. */
  readonly incomparable: readonly string[];
};

/**
 * Compares two copies of a task: on two instances, in two logs, live and rebuilt. Only copies at the same offsets can
 * be compared: at others every store is incomparable.
 */
export function compareSnapshots(a: TaskSnapshot, b: TaskSnapshot): SnapshotComparison {
  const isAligned = isSamePosition(a.offsets, b.offsets);
  const others = new Map(b.stores.map((store) => [store.name, store]));
  const equal: string[] = [];
  const different: string[] = [];
  const incomparable: string[] = [];
  for (const { name, digest, fingerprint } of a.stores) {
    const other = others.get(name);
    others.delete(name);
    if (!isAligned || other?.fingerprint !== fingerprint) incomparable.push(name);
    else if (other.digest === digest) equal.push(name);
    else different.push(name);
  }
  return { equal, different, incomparable: [...incomparable, ...others.keys()] };
}

/** What has not been read yet may be left out. */
export function isSamePosition(a: TaskSnapshot['offsets'], b: TaskSnapshot['offsets']): boolean {
  return Object.keys({ ...a, ...b }).every((topic) => (a[topic] ?? 0) === (b[topic] ?? 0));
}
