import type { Failure, Reply } from '#platform';
import type { EncodedBatch } from '../batch.ts';
import type { GroupRequest } from '../group-coordination.ts';
import type { GroupMetadata, OffsetCommit, TopicPartition, TopicSpec } from '../port.ts';
import type { Synchronous } from './database.ts';
import type { LockReport } from './write-lock.ts';

/** What the threads of a process send to its writer thread, and what comes back. All of it survives a structured clone. */

export type Append = TopicPartition & { readonly batches: readonly EncodedBatch[] };

export type Offsets = { readonly group: GroupMetadata; readonly offsets: readonly OffsetCommit[] };

/** A stored batch's place, with what compaction puts there; the row goes where `batch` is null. */
export type Rewrite = {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly newest: number;
  readonly tombstonesUntil: number | null;
  readonly batch: Uint8Array | null;
};

/** Each request succeeds or fails as a whole; its reply is the named result. */
export type WriteRequest =
  /** -> Appended */
  | { readonly kind: 'append'; readonly append: Append }
  /** -> the epoch */
  | { readonly kind: 'begin-producer'; readonly transactionalId: string }
  /** -> Appended[] */
  | {
      readonly kind: 'transaction';
      readonly transactionalId: string;
      readonly epoch: number;
      readonly appends: readonly Append[];
      readonly offsets: readonly Offsets[];
    }
  | { readonly kind: 'commit-offsets'; readonly offsets: Offsets }
  | { readonly kind: 'create-topics'; readonly specs: readonly TopicSpec[] }
  | { readonly kind: 'delete-topics'; readonly names: readonly string[] }
  /** -> GroupReply */
  | { readonly kind: 'group'; readonly request: GroupRequest }
  /** -> the schema's id; undefined when the subject's newest version is no longer `newest` */
  | {
      readonly kind: 'register-schema';
      readonly subject: string;
      readonly canonical: string;
      readonly schema: string;
      readonly newest: number | undefined;
    }
  /** -> whether the caller is the one cleaner now */
  | { readonly kind: 'lease-cleaner'; readonly token: string; readonly now: number; readonly until: number }
  /** Removes records of dropped topics. -> batches removed; 0 when there are none left */
  | { readonly kind: 'purge' }
  /** Removes the batches below `offset`, at most some. -> batches removed */
  | { readonly kind: 'trim'; readonly partitionId: number; readonly offset: number }
  /** -> whether it was done: false when the lease was lost */
  | {
      readonly kind: 'rewrite';
      readonly token: string;
      readonly partitionId: number;
      readonly rewrites: readonly Rewrite[];
      readonly mark?: {
        readonly compactedTo: number;
        readonly records: number;
        readonly tombstonesDue: number | null;
      };
    };

export type ToWriter = { readonly id: number; readonly request: WriteRequest };

export type FromWriter =
  /** First on every port: the counter of commits, on which readers wait with Atomics.waitAsync. */
  | { readonly kind: 'hello'; readonly commits: Int32Array }
  /** With the memory that the requests' batches lay in, which serves again. */
  | { readonly kind: 'replies'; readonly replies: readonly Reply[]; readonly memory: readonly ArrayBuffer[] }
  | { readonly kind: 'closed' };

export type WriterOptions = { readonly directory: string; readonly synchronous: Synchronous };

/** From the process's owner of the writer thread to it. */
export type Control = { readonly kind: 'connect'; readonly port: MessagePort } | { readonly kind: 'close' };

/** From the writer thread to its owner. */
export type Notice =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'lock'; readonly report: LockReport }
  | { readonly kind: 'checkpoint-failed'; readonly failure: Failure };
