/**
 * Data from outside: MovieLens, RankLens, click logs, and any CSV, JSONL or Parquet by a mapping file, read as a stream
 * and published as events, items, users and answers. `sources` is the catalogue of formats, a folder each.
 *
 * It promises that events are published in the order of their time, each once whatever ends the process; that memory does
 * not grow with the input; that a malformed row is counted, reported with file and line, and put in the dead letters; that
 * nothing is published before all of the input was read; and that no file on disk names a user. What a person types
 * and reads is left to the commands.
 */
export { type DryRun, dryRun } from './dry-run.ts';
export { type DataSet, readDataSet } from './in-memory.ts';
export { findInput, type Input, type InputFile, inputBytes } from './input/files.ts';
export { GENRES } from './movielens/rows.ts';
export { movieLens } from './movielens/source.ts';
export { type Published, publishSorted, recordCount } from './publish.ts';
export type { MalformedRow } from './read-rows.ts';
export { type SortedInput, sortInput } from './sort-input.ts';
export { NOT_SAID, type OpenedSource, type Source } from './source.ts';
export { sources } from './sources.ts';
