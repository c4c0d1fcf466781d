import type { StoreOnDisk } from '#engine';

/** What was found of one thing that is derived: a task, the files of one kind, the rows in Redis. */
export type Finding = {
  readonly task: string;
  readonly result: 'equal' | 'different' | 'unknown';
  readonly commits?: number;
  readonly records?: number;
  /** Checks of files that are written once. */
  readonly files?: number;
  /** Batches of the embedded log. */
  readonly batches?: number;
  readonly rows?: number;
  /** What differs and where, or why nothing can be said. */
  readonly detail: string;
  /** The stores on this machine; absent for a task without stores. */
  readonly state?: 'equal' | 'different' | 'unknown' | 'not here' | 'in use';
  /** Those that are not equal. */
  readonly stores?: readonly StoreOnDisk[];
};

/** Which part of what can be read piece by piece is read. */
export type Sample = {
  /** 1: all of it. */
  readonly share: number;
  readonly random: () => number;
};

/** What a sample takes of these, at least one. */
export function sampled<T>(all: readonly T[], { share, random }: Sample): readonly T[] {
  if (share >= 1 || all.length === 0) return all;
  const chosen = all.filter(() => random() < share);
  return chosen.length > 0 ? chosen : [all[Math.floor(random() * all.length)] as T];
}
