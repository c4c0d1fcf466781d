import { readableRecords, type Topic } from '#engine';
import type { Log } from '#log';
import type { ArchiveFile } from '#schemas';

/** The last word on every file of the offline store, by the events of topic `archive-files`. */
export class Manifest {
  readonly #files = new Map<string, ArchiveFile>();

  /** Everything that is readable now. */
  static async read(log: Log, topic: Topic<string, ArchiveFile>): Promise<Manifest> {
    const manifest = new Manifest();
    for await (const records of readableRecords(log, topic)) {
      for (const { key, value } of records) manifest.apply(key, value);
    }
    return manifest;
  }

  /** Null: the file is gone, and with it all that is to be known of it. */
  apply(path: string, file: ArchiveFile | null): void {
    if (file === null) this.#files.delete(path);
    else this.#files.set(path, file);
  }

  /** Undefined for a path that never was, or is gone. */
  file(path: string): ArchiveFile | undefined {
    return this.#files.get(path);
  }

  /** The files of a table that count, in order of their dates. */
  valid(table: string): ArchiveFile[] {
    return this.with('written').filter((file) => file.table === table);
  }

  /** The files of a status, in order of their dates, then of their paths. */
  with(status: ArchiveFile['status']): ArchiveFile[] {
    return [...this.#files.values()].filter((file) => file.status === status).sort(inOrder);
  }
}

function inOrder(a: ArchiveFile, b: ArchiveFile): number {
  if (a.date !== b.date) return a.date < b.date ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
