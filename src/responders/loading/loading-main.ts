/**
 * The thread that reads a version: hashes, vocabularies and indexes of a million items take seconds, in which nobody would
 * be answered. What it has made is moved to the thread that answers, and what it has read is gone when it ends.
 */
import {
  IdTable,
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  openIndexToSend,
  openVersion,
  QUERIES_FILE,
  type SentIds,
  type SentIndex,
  type SentVocabulary,
  type VersionContents,
  type VersionManifest,
  VOCABULARY_FILE,
  Vocabulary,
  vectorOf,
} from '#models';
import { HandedOver, serveThread } from '#platform';

export type LoadingReady = {
  readonly version: string;
  readonly manifest: VersionManifest;
  readonly names: readonly string[];
};

export type LoadingAnswers = {
  /** Each file once: unless an index or a vocabulary is made of it, it is not here any more then. */
  files(names: readonly string[]): HandedOver<VersionContents>;
  vocabulary(): HandedOver<SentVocabulary>;
  itemIds(): HandedOver<SentIds>;
  index(): HandedOver<SentIndex>;
};

/** Some encoders read the vectors of items as well. */
const OPENED_HERE: ReadonlySet<string> = new Set([
  VOCABULARY_FILE,
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  QUERIES_FILE,
]);

await serveThread<string, LoadingAnswers, LoadingReady>(async (directory) => {
  const files = await openVersion(directory);
  const { version, manifest, names } = files;
  const read = (name: string) => files.read(name);
  return {
    answers: {
      files: (wanted) =>
        HandedOver.whole(
          Object.fromEntries(
            wanted.map((name) => [name, OPENED_HERE.has(name) ? Uint8Array.from(read(name)) : read(name)]),
          ),
        ),
      vocabulary: () => HandedOver.whole(Vocabulary.parse(read(VOCABULARY_FILE)).send()),
      itemIds: () => HandedOver.whole(IdTable.of(JSON.parse(read(ITEM_IDS_FILE).toString())).send()),
      index: () => {
        const queries = names.includes(QUERIES_FILE) ? vectorOf(read(QUERIES_FILE)) : undefined;
        return HandedOver.whole(openIndexToSend(read(ITEM_VECTORS_FILE), queries));
      },
    },
    ready: { version, manifest, names },
  };
});
