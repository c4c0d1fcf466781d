import {
  ITEM_VECTORS_FILE,
  type ItemEncoding,
  readItemVectors,
  servingOf,
  type VersionFiles,
  VOCABULARY_FILE,
  Vocabulary,
} from '#models';
import { InputError } from '#platform';
import type { Item } from '#schemas';
import { KnownVectors } from './known-vectors.ts';

/** A catalogue entry as it stands; null for one that is gone. */
export type ItemChange = { readonly id: string; readonly item: Item | null };
/** The vector of an item; null for one that has none any more. */
export type VectorChange = { readonly id: string; readonly vector: Float32Array | null };

/** Least difference of a coordinate that counts: rounding differs with how many items are embedded at once. */
const TOLERANCE = 1e-5;

/** The item tower of a version at work over the catalogue. Blocks the thread that it is called on. */
export class ItemEmbedder {
  readonly #vocabulary: Vocabulary;
  readonly #encoding: ItemEncoding;
  readonly vectors: KnownVectors;

  private constructor(vocabulary: Vocabulary, encoding: ItemEncoding) {
    this.#vocabulary = vocabulary;
    this.#encoding = encoding;
    this.vectors = new KnownVectors(encoding.dim);
  }

  /** Errors: InputError MR_REINDEX_MODEL for a version without an item tower; MR_MODEL_UNREADABLE. */
  static async open(files: VersionFiles): Promise<ItemEmbedder> {
    const serving = servingOf(files.manifest.model);
    const tower = serving?.kind === 'vectors' ? serving.items : undefined;
    if (tower === undefined || !files.names.includes(tower.file)) throw noTower(files);
    const encoding = await tower.encoder(files.read(tower.file));
    return new ItemEmbedder(Vocabulary.parse(files.read(VOCABULARY_FILE)), encoding);
  }

  /** Notes the vectors that the version came with, so that only what differs from them is a change. */
  noteTrained(files: VersionFiles): void {
    const { vectors, dim } = readItemVectors(files.read(ITEM_VECTORS_FILE));
    for (let item = 0; item < this.#vocabulary.itemCount; item++) {
      this.vectors.put(this.#vocabulary.itemId(item), vectors.subarray(item * dim, (item + 1) * dim));
    }
  }

  /** Embeds items, of several changes of one the last, and returns whose vectors are others than before. */
  async take(changes: readonly ItemChange[]): Promise<VectorChange[]> {
    const last = new Map(changes.map(({ id, item }) => [id, item]));
    const gone = [...last].flatMap(([id, item]) => (item === null && this.vectors.remove(id) ? [id] : []));
    const there = [...last].flatMap(([id, item]) => (item === null ? [] : [{ id, item }]));
    const embedded = await this.#encoding.encode(
      there.map(({ id, item }) => this.#vocabulary.itemInput(id, item)),
    );
    const { dim } = this.vectors;
    const changed = there.flatMap(({ id }, row) => {
      const vector = embedded.slice(row * dim, (row + 1) * dim);
      const before = this.vectors.get(id);
      if (before !== undefined && isNear(before, vector)) return [];
      this.vectors.put(id, vector);
      return [{ id, vector }];
    });
    return [...gone.map((id) => ({ id, vector: null })), ...changed];
  }

  close(): Promise<void> {
    return this.#encoding.close();
  }
}

function isNear(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => Math.abs(value - (b[i] as number)) <= TOLERANCE);
}

function noTower({ version, manifest }: VersionFiles): InputError {
  return new InputError(
    'MR_REINDEX_MODEL',
    `Version ${version} of model ${manifest.model} has no item tower: it can't embed an item that was not trained.`,
    { hint: 'Train again, which indexes the whole catalogue: millrace train' },
  );
}
