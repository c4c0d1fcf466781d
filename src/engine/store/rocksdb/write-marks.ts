import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from '../port.ts';
import { currentManifest } from './closing-note.ts';

/**
 * More writes than are under way while one write buffer goes to its file: of those, the numbers tell what is lost; of
 * later ones, the length of the MANIFEST.
 */
const MARKS = 64;
const PREFIX = Buffer.from([0xff, 0x6e]);

/** The file that lists the table files, and how long it was. */
type Manifest = { readonly name: string; readonly length: number };
type Mark = { readonly write: number; readonly manifest?: Manifest | undefined };

/**
 * The MANIFEST that a database has before it is opened, which begins another one and deletes it. It is kept open, to be
 * measured once RocksDB's lock is held: until then a predecessor may append to it.
 */
export class ManifestBefore {
  readonly #name: string;
  readonly #file: number;

  private constructor(name: string, file: number) {
    this.#name = name;
    this.#file = file;
  }

  /** Undefined if there is none. To be closed. */
  static open(directory: string): ManifestBefore | undefined {
    const name = currentManifest(directory);
    if (name === undefined) return undefined;
    try {
      return new ManifestBefore(name, openSync(join(directory, name), 'r'));
    } catch {
      return undefined;
    }
  }

  get measured(): Manifest {
    return { name: this.#name, length: fstatSync(this.#file).size };
  }

  close(): void {
    closeSync(this.#file);
  }
}

/**
 * A MANIFEST that has lost its last entries opens without error as the database that it describes: an older one, to which
 * the write-ahead log's newest writes are added, while those between the two are gone. So each write carries a mark with
 * its number and the length of the MANIFEST; the last 64 are kept. Of an opened database the marks must go up to the
 * newest without a gap, and the MANIFEST must be no shorter than the newest one says.
 */
export class WriteMarks {
  readonly #directory: string;
  #writes = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What the next write has to take with it; to be followed by `written` where it has not failed. */
  next(): Change & { readonly value: Buffer } {
    const mark: Mark = { write: this.#writes + 1, manifest: this.#manifest() };
    return { key: keyOf(mark.write), value: Buffer.from(JSON.stringify(mark)) };
  }

  written(): void {
    this.#writes++;
  }

  #manifest(): Manifest | undefined {
    const name = currentManifest(this.#directory);
    if (name === undefined) return undefined;
    try {
      return { name, length: statSync(join(this.#directory, name)).size };
    } catch {
      return undefined;
    }
  }

  /** The rows to be read of an opened database, for `check`. */
  get keys(): readonly Buffer[] {
    return Array.from({ length: MARKS }, (_, slot) => keyOf(slot));
  }

  /** Why the database is not what was written last; undefined where it is. `before`: its MANIFEST before it was opened. */
  check(rows: readonly (Buffer | null)[], before: Manifest | undefined): string | undefined {
    const marks = rows.flatMap((row) => (row ? [JSON.parse(row.toString()) as Mark] : []));
    const newest = marks.reduce<Mark | undefined>(
      (last, mark) => (mark.write > (last?.write ?? 0) ? mark : last),
      undefined,
    );
    if (newest === undefined) return undefined;
    this.#writes = newest.write;
    const written = new Set(marks.map(({ write }) => write));
    for (let write = newest.write; write > Math.max(0, newest.write - MARKS); write--) {
      if (!written.has(write)) return `write ${write} of ${newest.write} is not in it`;
    }
    const { manifest } = newest;
    if (manifest === undefined || before?.name !== manifest.name || before.length >= manifest.length)
      return undefined;
    return `${manifest.name} has ${before.length} bytes, and had ${manifest.length}`;
  }
}

function keyOf(write: number): Buffer {
  return Buffer.from([...PREFIX, write % MARKS]);
}
