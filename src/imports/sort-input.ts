/**
 * The first half of an import: reads everything, and leaves it as sorted runs in the data directory. Nothing is published
 * before all of the input was read. A later call with the same files, unchanged, finds the runs and reads nothing.
 */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint, ifThere, type ProgressStep, sync, writeDurably } from '#platform';
import { type Counts, Gatherer, type GatherOptions } from './gather.ts';
import type { InputFile } from './input/files.ts';
import { type MalformedRow, readRows } from './read-rows.ts';
import { RunWriter } from './sorted/run-writer.ts';

export type SortedInput = Counts & {
  /** Hash of the source, its mapping and contents: equal imports have equal ids. */
  readonly id: string;
  /** Timestamp of the table rows, ms: just before the first event. */
  readonly tablesAt: number;
  readonly runs: readonly string[];
  /** The first malformed rows. */
  readonly shownRows: readonly MalformedRow[];
};

export type SortOptions = Omit<GatherOptions, 'runs'> & {
  /** Identifies the source and its mapping. */
  readonly identity: string;
  readonly files: readonly InputFile[];
  readonly directory: string;
  /** Memory for one sorted run; set by tests. */
  readonly runBytes?: number;
  readonly step: ProgressStep;
  readonly signal: AbortSignal;
};

type Manifest = SortedInput & { readonly input: string };

const MANIFEST = 'manifest.json';
const BEFORE_FIRST_MS = 1000;

/** Errors: those of readRows; RetryableError MR_DISK_FULL. */
export async function sortInput(options: SortOptions): Promise<SortedInput> {
  const { directory, identity, files, step, signal } = options;
  const input = inputOf(options);
  const manifest = await readManifest(directory);
  if (manifest !== undefined && input !== undefined && manifest.input === input) {
    step.done('read before');
    return manifest;
  }
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const runs = new RunWriter(directory, options.runBytes);
  const gatherer = new Gatherer({ ...options, runs });
  let read = 0;
  const onRead = (bytes: number) => {
    failpoint('import.read');
    read += bytes;
    step.update(read);
  };
  const id = await readRows(files, { identity, taker: gatherer, onRead, signal });
  const paths = runs.finish();
  step.done();
  const { counts, shownRows } = gatherer;
  const tablesAt =
    counts.firstTs === null ? options.clock.now() : Math.max(0, counts.firstTs - BEFORE_FIRST_MS);
  const sorted: SortedInput = { ...counts, id, tablesAt, runs: paths, shownRows };
  await writeManifest(directory, { ...sorted, input: input ?? '' });
  failpoint('import.sorted');
  return sorted;
}

/** What tells the files from others without reading them; undefined with standard input. */
function inputOf({ identity, files }: SortOptions): string | undefined {
  const stamps = files.map(({ path, as, stamp }) => [path, as, stamp?.bytes, stamp?.changedMs]);
  return files.some(({ path }) => path === undefined) ? undefined : JSON.stringify([identity, stamps]);
}

async function readManifest(directory: string): Promise<Manifest | undefined> {
  const text = await ifThere(readFile(join(directory, MANIFEST), 'utf8'));
  return text === undefined ? undefined : (JSON.parse(text) as Manifest);
}

/** Under its name only when it is whole. */
async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const path = join(directory, MANIFEST);
  await writeDurably(`${path}.new`, Buffer.from(JSON.stringify(manifest)));
  await rename(`${path}.new`, path);
  await sync(directory);
}
