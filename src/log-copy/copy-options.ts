import { createHash } from 'node:crypto';
import type { TopicPartition } from '#log';
import type { Clock } from '#platform';
import type { CopySide, PartitionDigest } from './partition-digest.ts';

export type CopyOptions = {
  readonly from: CopySide & {
    /** Tells this log from others: under it the target keeps how far the copy has come. */
    readonly identity: string;
  };
  readonly to: CopySide & {
    /** Whether the target deletes what is past a topic's retention by the wall clock. */
    readonly expiresByWallClock: boolean;
  };
  /** All of them by default. */
  readonly topics?: readonly string[];
  /**
   * Groups that go on where they were, once the whole log is there: their committed offsets move as well, and those of
   * every topology that has a journal.
   */
  readonly groups: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CopyProgress) => void;
  /** Records per transaction, at most. */
  readonly maxRecords?: number;
};

export type CopyProgress = {
  readonly step: 'copy' | 'verify';
  /** The one that is at work. */
  readonly topic: string;
  /** Offsets passed in this step, of those that there are in all topics. */
  readonly done: number;
  readonly total: number;
};

export type CopiedPartition = TopicPartition & {
  /** Records written by this call. */
  readonly copied: number;
  readonly source: PartitionDigest;
  readonly target: PartitionDigest;
};

/** The group under which the target keeps, in offsets of the source, how far a copy has come. */
export function copyGroup({ identity }: CopyOptions['from']): string {
  return `copy-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
