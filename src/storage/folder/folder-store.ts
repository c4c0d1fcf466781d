import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import {
  errorCode,
  type Fingerprint,
  fingerprint,
  ifThere,
  namingFullDisk,
  PARTIAL_PREFIX,
  sync,
  writeDurably,
} from '#platform';
import type { Content, ListedObject, ObjectStore } from '../port.ts';

/** Objects as files of a directory, which is made when the first is written. Its file system needs hard links. */
export function folderStore(path: string, close: () => void = () => {}): ObjectStore {
  return new FolderStore(path, close);
}

class FolderStore implements ObjectStore {
  readonly name: string;
  readonly close: () => void;
  readonly #made = new Set<string>();

  constructor(path: string, close: () => void) {
    this.name = path;
    this.close = close;
  }

  async put(name: string, content: Content): Promise<boolean> {
    const path = join(this.name, name);
    const aside = join(dirname(path), `${PARTIAL_PREFIX}${randomUUID()}`);
    try {
      await this.#makeDirectory(dirname(path));
      await write(aside, content);
      // Unlike a rename it fails where there is one already.
      await link(aside, path);
      await sync(dirname(path));
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw namingFullDisk(error, this.name);
    } finally {
      await rm(aside, { force: true });
    }
  }

  async #makeDirectory(path: string): Promise<void> {
    if (this.#made.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o700 });
    for (let at = path; at.length > this.name.length; at = dirname(at)) await sync(dirname(at));
    this.#made.add(path);
  }

  async touch(name: string): Promise<void> {
    const now = new Date();
    await ifThere(utimes(join(this.name, name), now, now));
  }

  get(name: string): Promise<Buffer | undefined> {
    return ifThere(readFile(join(this.name, name)));
  }

  async download(name: string, path: string): Promise<Fingerprint | undefined> {
    const source = join(this.name, name);
    if ((await ifThere(stat(source))) === undefined) return undefined;
    try {
      await copyFile(source, path);
      await sync(path);
      return await fingerprint(path);
    } catch (error) {
      throw namingFullDisk(error, dirname(path));
    }
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const root = join(this.name, folder);
    const found = (await ifThere(readdir(root, { recursive: true, withFileTypes: true }))) ?? [];
    const names = found
      .filter((each) => each.isFile() && !each.name.startsWith(PARTIAL_PREFIX))
      .map((each) => relative(this.name, join(each.parentPath, each.name)).replaceAll(sep, '/'))
      .filter((name) => name.startsWith(prefix))
      .sort();
    const listed: ListedObject[] = [];
    for (const name of names) {
      const file = await ifThere(stat(join(this.name, name)));
      if (file !== undefined) listed.push({ name, bytes: file.size, writtenMs: file.mtimeMs });
    }
    return listed;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.name, name), { force: true });
  }
}

async function write(path: string, content: Content): Promise<void> {
  if (content instanceof Uint8Array) return writeDurably(path, content);
  await copyFile(content.path, path);
  await sync(path);
}
