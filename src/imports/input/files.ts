/** Which files an import reads: those of a source among the given files and folders, or standard input. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorCode, InputError } from '#platform';
import type { FileReading, OpenedSource, Source } from '../source.ts';
import { sources } from '../sources.ts';

/** As a path: standard input. */
const STDIN = '-';
const STDIN_NAME = 'standard input';

export type InputFile = {
  /** The file's own name, or "standard input". */
  readonly name: string;
  readonly path: string | undefined;
  /** As which file it is read, without ".gz". */
  readonly as: string;
  readonly reading: FileReading;
  /** Size and time of the last change; undefined of standard input. */
  readonly stamp: { readonly bytes: number; readonly changedMs: number } | undefined;
};

export type Input = {
  readonly files: readonly InputFile[];
  /** Names in the folders that are no files of the source. */
  readonly leftOut: readonly string[];
};

/**
 * In the order given, files of a folder by name. Errors: InputError MR_IMPORT_UNRECOGNISED, MR_IMPORT_UNREADABLE.
 * `stdinName`: as which file standard input is read.
 */
export async function findInput(
  source: Source,
  opened: OpenedSource,
  paths: readonly string[],
  stdinName = source.stdinName,
): Promise<Input> {
  const files: InputFile[] = [];
  const leftOut: string[] = [];
  for (const path of paths) {
    if (path === STDIN) {
      const reading = stdinName === undefined ? undefined : opened.readingOf(unpackedName(stdinName), true);
      if (reading === undefined) throw unrecognised(source, STDIN_NAME, stdinProblem(stdinName));
      const as = unpackedName(stdinName ?? '');
      files.push({ name: STDIN_NAME, path: undefined, as, reading, stamp: undefined });
      continue;
    }
    const found = await stat(path).catch((cause: unknown) => {
      const why = errorCode(cause) === 'ENOENT' ? 'there is no such file or folder' : String(cause);
      throw unrecognised(source, path, why, cause);
    });
    if (!found.isDirectory()) {
      const reading = opened.readingOf(unpackedName(basename(path)), true);
      if (reading === undefined) throw unrecognised(source, path, 'the name of the file is not among those');
      files.push(await inputFile(path, reading));
      continue;
    }
    const names = (await readdir(path)).sort();
    const known: string[] = [];
    for (const name of names) {
      const reading = opened.readingOf(unpackedName(name), false);
      // A file that is present both plain and gzipped is read once.
      const isTwin = name.endsWith('.gz') && names.includes(unpackedName(name));
      if (reading === undefined || isTwin) leftOut.push(name);
      else {
        known.push(unpackedName(name));
        files.push(await inputFile(join(path, name), reading));
      }
    }
    const missing = opened.missing(known);
    if (missing !== undefined) throw unrecognised(source, path, `${missing}; ${listed(names)}`);
  }
  return { files, leftOut };
}

/** How much there is to read; undefined with standard input, whose end nobody knows. */
export function inputBytes({ files }: Input): number | undefined {
  let bytes = 0;
  for (const { stamp } of files) {
    if (stamp === undefined) return undefined;
    bytes += stamp.bytes;
  }
  return bytes;
}

async function inputFile(path: string, reading: FileReading): Promise<InputFile> {
  const { size, mtimeMs } = await stat(path);
  const name = basename(path);
  return { name, path, as: unpackedName(name), reading, stamp: { bytes: size, changedMs: mtimeMs } };
}

function unpackedName(name: string): string {
  return name.replace(/\.gz$/, '');
}

function stdinProblem(name: string | undefined): string {
  return name === undefined ? 'say with --as which file it stands for' : `--as ${name} names no file of it`;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'the folder is empty' : `found ${names.slice(0, 8).join(', ')}`;
}

/** Names another source that would know the files. */
function unrecognised(
  { name, expected }: Pick<Source, 'name' | 'expected'>,
  path: string,
  found: string,
  cause?: unknown,
): InputError {
  const file = unpackedName(basename(path));
  const other = sources.find((each) => each.name !== name && !each.isMapped && knows(each, file));
  const hint = `${expected}${other === undefined ? '' : ` It looks like ${other.name}: millrace import ${other.name}.`}`;
  return new InputError('MR_IMPORT_UNRECOGNISED', `${path} is not ${name}: ${found}.`, {
    hint,
    ...(cause !== undefined && { cause }),
  });
}

function knows(source: Source, file: string): boolean {
  return source.open('').readingOf(file, false) !== undefined;
}
