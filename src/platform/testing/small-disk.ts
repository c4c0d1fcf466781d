import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export type SmallDisk = { readonly path: string; leave(bytes: number): Promise<void> };

/** A file system of its own, with a file in it that takes room; undefined, and the test skipped, where none may be mounted. */
export function smallDisk(t: TestContext, mb: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  t.after(() => {
    spawnSync('umount', ['-l', path]);
    rmdirSync(path);
  });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mb}m`, 'tmpfs', path]);
  if (mounted.status !== 0) {
    t.skip('this user may not mount a file system');
    return undefined;
  }
  const ballast = join(path, 'ballast');
  const leave = async (bytes: number) => {
    rmSync(ballast, { force: true });
    const { bavail, bsize } = statfsSync(path);
    const file = await open(ballast, 'w');
    const piece = Buffer.alloc(64 * 1024);
    try {
      for (let left = bavail * bsize - bytes; left > 0; left -= piece.length) await file.write(piece);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ENOSPC');
    } finally {
      await file.close();
    }
  };
  return { path, leave };
}
