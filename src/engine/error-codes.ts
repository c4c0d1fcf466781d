/** The error codes of the engine. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const ENGINE_ERRORS = {
  MR_GLOBAL_TABLE_DAMAGED: retry`The local copy of a global table cannot be read.
    Nothing to do: it is reread from its topic.`,
  MR_GROUP_OFFSET: giveUp`A group's offset lies beyond the end of the log.
    Stop all instances, and set the offset with the command in the hint.`,
  MR_JOURNAL_INCOMPLETE: giveUp`A task's journal does not cover everything that the task did.
    Compare with a rebuild from the log; keep the journal enabled.`,
  MR_JOURNAL_UNREADABLE: giveUp`An entry of a journal is damaged, or was written by a newer release.
    Verify with the release that wrote it, or compare with a rebuild from the log.`,
  MR_PROCESSOR_THREW: fixInput`A processor failed on a record with an error that has no code.
    Read the dead letter; correct the record or the processor.`,
  MR_QUERY_BEHIND: retry`No copy of a store has reached the position that a query requires.
    Retry in a moment; if it stays behind, look at the task's lag.`,
  MR_QUERY_INVALID: fixInput`A store query is invalid.
    Query by key, by prefix, by from and to, or by key with fromMs and toMs.`,
  MR_QUERY_STORE_UNKNOWN: fixInput`A query names a store that does not exist.
    Choose one of GET /stores.`,
  MR_QUERY_TASK_MOVING: retry`A store's task is being moved or restored, or its process is unreachable.
    Retry in a moment; a standby may answer meanwhile.`,
  MR_REBUILD_DEPENDS_ON_ARRIVAL: giveUp`State that depends on arrival order or on the wall clock can differ after a rebuild.
    Verify it from the journal, or force the rebuild and accept the differences.`,
  MR_RECORD_FAILED: giveUp`A record could not be processed, and the policy is to stop.
    Correct the record or the processor, or choose another policy.`,
  MR_RECORD_FROM_FUTURE: fixInput`A record lies further ahead of the wall clock than its source accepts.
    Correct the producer's clock.`,
  MR_RECORD_KEY: fixInput`A key is not a string, and its operator was given no key serde.
    Convert the key to a string, or give the operator a key serde.`,
  MR_RECORD_NULL_KEY: fixInput`A record of a keyed topic has no key.
    Correct its producer.`,
  MR_RECORD_NULL_VALUE: fixInput`A record of a stream has no value.
    Correct the producer; tombstones belong on compacted topics.`,
  MR_RECORD_TIMESTAMP: fixInput`The timestamp of a record, a store change or a timer is not a whole number of milliseconds from 0 to 2^53 - 1.
    Correct the producer, or the processor that set the time.`,
  MR_RECORD_UNDECODABLE: fixInput`A record that a reader needs cannot be decoded; the message names topic, partition and offset.
    Find out who else writes to the topic; a newer record of the key replaces it.`,
  MR_RECORD_UNDEFINED: fixInput`A function of a topology returned undefined where a value is required, or a processor emitted it.
    Return a value on every path, or null for none.`,
  MR_RECORD_WINDOWED_KEY: fixInput`A key is read as a window's key but names no window.
    Use \`windowedKey\` only for topics of windowed tables.`,
  MR_STORE_AHEAD: giveUp`A store is ahead of the group's offset for an input: the offset was set back, or has expired.
    Set the offset to the one in the message, or raise the topology's generation to reprocess everything.`,
  MR_STORE_CORRUPT: giveUp`A local store cannot be read.
    Restart: it is rebuilt from its changelog.`,
  MR_STORE_LOCKED: retry`A local store is still open elsewhere.
    Wait until its owner closes it, or stop the other process.`,
  MR_STORE_OUTDATED: retry`A local store is out of date by longer than its changelog keeps tombstones.
    Nothing to do: it is reopened and fully restored.`,
  MR_STORE_REFUSED: retry`A value written to a store cannot be serialised.
    Nothing to do: the records are reprocessed, and the one that wrote it goes to the dead letters.`,
  MR_THREADS_INVALID: fixConfiguration`The number of worker threads is invalid.
    Use at least one thread, and at most as many as there are CPU cores.`,
  MR_THREAD_ENDED: giveUp`A worker thread ended unexpectedly.
    Look at what it logged last.`,
  MR_TOPOLOGY_INVALID: fixConfiguration`A topology's declaration is inconsistent.
    Change what the message names.`,
  MR_TOPOLOGY_MANIFEST: giveUp`The record of a topology's state is in a form that cannot be read.
    Start the release that wrote it.`,
  MR_TOPOLOGY_MIGRATION_BUSY: retry`State cannot be migrated while an instance runs, or while another one migrates it.
    Stop all instances, and start one.`,
  MR_TOPOLOGY_PLAN_CHANGED: fixConfiguration`A plan was accepted that is not the one that would be carried out.
    Look at the plan again, and accept its hash.`,
  MR_TOPOLOGY_STATE_CHANGED: fixConfiguration`Stores or repartition topics were renamed, retyped, repartitioned or removed.
    Choose rename, rebuild or drop for each, or declare another generation.`,
  MR_VERIFY_INPUT_GONE: giveUp`A record that verification must reread is no longer in the log.
    Compare the digests of what is left; retain inputs for as long as you want to verify them.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof ENGINE_ERRORS> {}
}
