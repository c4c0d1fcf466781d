/** The thread that embeds items, and indexes what it has embedded: both block whoever does it. */
import { join } from 'node:path';
import {
  INDEXES_DIRECTORY,
  type IndexCalibration,
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  indexItemVectors,
  loadModelModules,
  localArtifacts,
  openVersion,
  QUERIES_FILE,
  vectorOf,
} from '#models';
import { serveThread } from '#platform';
import { type ItemChange, ItemEmbedder, type VectorChange } from './item-embedder.ts';

export type EmbeddingInput = {
  readonly dataDirectory: string;
  /** The version's, relative to that. */
  readonly directory: string;
  /** What counts as known: the vectors that the version came with, or none. */
  readonly known: 'trained' | 'none';
  readonly modules: readonly string[];
};

export type BuiltIndex = {
  readonly index: string;
  readonly items: number;
  readonly calibration: IndexCalibration | undefined;
};

export type EmbeddingAnswers = {
  /** Notes vectors that were embedded before. */
  note(changes: readonly VectorChange[]): void;
  /** Embeds items, and returns what has changed by it. */
  changes(items: readonly ItemChange[]): Promise<readonly VectorChange[]>;
  /** As `changes`, for a build, which asks for all at once. */
  take(items: readonly ItemChange[]): Promise<void>;
  build(): Promise<BuiltIndex>;
};

await serveThread<EmbeddingInput, EmbeddingAnswers, void>(
  async ({ dataDirectory, directory, known, modules }) => {
    await loadModelModules(modules);
    const files = await openVersion(join(dataDirectory, directory));
    const embedder = await ItemEmbedder.open(files);
    if (known === 'trained') embedder.noteTrained(files);
    const { vectors } = embedder;
    return {
      answers: {
        note(changes) {
          for (const { id, vector } of changes) {
            // One of another length than the version's is embedded again.
            if (vector?.length !== vectors.dim) vectors.remove(id);
            else vectors.put(id, vector);
          }
        },
        changes: (items) => embedder.take(items),
        async take(items) {
          await embedder.take(items);
        },
        async build() {
          const ids = vectors.ids();
          const queries = files.names.includes(QUERIES_FILE) ? vectorOf(files.read(QUERIES_FILE)) : undefined;
          const { file, calibration } = indexItemVectors(vectors.matrix(ids), vectors.dim, queries);
          const store = localArtifacts(join(dataDirectory, INDEXES_DIRECTORY));
          const { index: _, ...described } = files.manifest;
          const ofIndex = {
            ...described,
            itemCount: ids.length,
            indexOf: files.version,
            ...(calibration && { index: calibration }),
          };
          const index = await store.write(ofIndex, {
            [ITEM_VECTORS_FILE]: file,
            [ITEM_IDS_FILE]: Buffer.from(JSON.stringify(ids)),
          });
          return { index, items: ids.length, calibration };
        },
      },
      ready: undefined,
      close: () => embedder.close(),
    };
  },
);
