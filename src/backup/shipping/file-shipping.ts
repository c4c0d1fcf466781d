import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { ifThere, PARTIAL_PREFIX } from '#platform';
import type { FileState, Manifest } from '../manifest.ts';
import type { ObjectRef, Objects } from '../objects.ts';
import { STATUS_FILE } from '../status.ts';

const PIECE_BYTES = 16 * 1024 * 1024;

/** Where a restore puts configuration files, in the data directory. A backup keeps them in the folder below, data files in `data/`. */
export const RESTORED_CONFIGURATION = 'restored-configuration';
export const CONFIGURATION_FOLDER = 'configuration/';
export const DATA_FOLDER = 'data/';

/**
 * What is in no backup as a file: the log, which is read by rows (and whose locks this process would lose by opening it, as
 * those of the vault's view, which is made again), locks, state that is rebuilt from the log, what is known of copies of an object store, and checkpoints of trainings that are begun again.
 */
const LEFT_OUT = /^(log\.|pseudonyms-view\.|lock\.|\.|(state|runs|copies|restored-configuration)$)/;

export class FileShipping {
  readonly #directory: string;
  readonly #configurationFiles: readonly string[];
  readonly #objects: Objects;
  #known: ReadonlyMap<string, FileState>;

  constructor(
    directory: string,
    configurationFiles: readonly string[],
    objects: Objects,
    known: ReadonlyMap<string, FileState>,
  ) {
    this.#directory = directory;
    this.#configurationFiles = configurationFiles;
    this.#objects = objects;
    this.#known = known;
  }

  /** All files as they are, their content written where it is new. */
  async scan(signal: AbortSignal): Promise<ReadonlyMap<string, FileState>> {
    const found = new Map<string, FileState>();
    for (const [path, from] of await this.#paths()) {
      signal.throwIfAborted();
      const file = await ifThere(this.#file(path, from));
      if (file !== undefined) found.set(path, file);
    }
    this.#known = new Map([...this.#known, ...found]);
    return found;
  }

  async #paths(): Promise<readonly (readonly [path: string, from: string])[]> {
    const paths: [string, string][] = [];
    const walk = async (directory: string): Promise<void> => {
      for (const each of (await ifThere(readdir(directory, { withFileTypes: true }))) ?? []) {
        const isRoot = directory === this.#directory;
        if (each.name.startsWith(PARTIAL_PREFIX)) continue;
        if (isRoot && (LEFT_OUT.test(each.name) || each.name === STATUS_FILE)) continue;
        const from = join(directory, each.name);
        if (each.isDirectory()) await walk(from);
        else if (each.isFile())
          paths.push([DATA_FOLDER + relative(this.#directory, from).replaceAll(sep, '/'), from]);
      }
    };
    await walk(this.#directory);
    for (const from of this.#configurationFiles)
      paths.push([CONFIGURATION_FOLDER + (from.split(sep).at(-1) as string), from]);
    return paths;
  }

  async #file(path: string, from: string): Promise<FileState> {
    const { size, mtimeMs } = await stat(from);
    const known = this.#known.get(path);
    if (known !== undefined && known.bytes === size && known.changedMs === mtimeMs) return known;
    const file = await open(from);
    try {
      const hash = createHash('sha256');
      const pieces: ObjectRef[] = [];
      let bytes = 0;
      for await (const piece of piecesOf(file, size)) {
        hash.update(piece);
        bytes += piece.length;
        pieces.push(await this.#objects.writeContent('files', piece));
      }
      return { path, bytes, sha256: hash.digest('hex'), changedMs: mtimeMs, pieces };
    } finally {
      await file.close();
    }
  }
}

async function* piecesOf(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  const most = Math.min(PIECE_BYTES, size + 1);
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(most), 0, most, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What makes of the files before those that are there now. */
export function changedFiles(
  before: ReadonlyMap<string, FileState>,
  now: ReadonlyMap<string, FileState>,
): Manifest['files'] {
  const put = [...now.values()].filter((file) => {
    const known = before.get(file.path);
    return known?.sha256 !== file.sha256 || known.changedMs !== file.changedMs;
  });
  return { put, removed: [...before.keys()].filter((path) => !now.has(path)) };
}
