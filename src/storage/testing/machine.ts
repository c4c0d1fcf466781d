import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createMetrics } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { folderStore } from '../folder/folder-store.ts';
import type { ObjectStore } from '../port.ts';
import { SharedFiles } from '../shared/shared-files.ts';

export const NOW = Date.UTC(2026, 0, 30);
export const HOUR_MS = 3_600_000;

export type Machine = ReturnType<typeof machineAt>;

/** A data directory on a store, with copies of up to `limitBytes`. */
export function machine(t: TestContext, store: ObjectStore, limitBytes = 1_000_000): Machine {
  return machineAt(temporaryDirectory(t), store, limitBytes);
}

/** The same data directory as another process has it. */
export function sameMachine({ directory }: Machine, store: ObjectStore, limitBytes = 1_000_000): Machine {
  return machineAt(directory, store, limitBytes);
}

export const aFolder = (t: TestContext) => folderStore(join(temporaryDirectory(t), 'store'));

function machineAt(directory: string, store: ObjectStore, limitBytes: number) {
  const clock = new ManualClock(NOW);
  const metrics = createMetrics();
  const files = new SharedFiles({ store, dataDirectory: directory, limitBytes, clock, metrics });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  const read = (path: string) => readFileSync(join(directory, path), 'utf8');
  const has = (path: string) => existsSync(join(directory, path));
  return { directory, clock, metrics, files, write, read, has };
}
