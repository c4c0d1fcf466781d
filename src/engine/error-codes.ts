/** The error codes of the engine. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const ENGINE_ERRORS = {
  MR_GLOBAL_TABLE_DAMAGED: retry`The local copy of a global table cannot be read.
    Nothing to do: it is read again from its topic.`,
  MR_GROUP_OFFSET: giveUp`A group's offset lies beyond the end of the log.
    Stop all instances, and set the offset with the command in the hint.`,
  MR_JOURNAL_INCOMPLETE: giveUp`The journal of a task does not tell all that the task has done.
    Compare with a rebuild from the log; keep the journal switched on.`,
  MR_JOURNAL_UNREADABLE: giveUp`An entry of a journal is damaged, or was written by a newer release.
    Verify with the release that wrote it, or compare with a rebuild from the log.`,
  MR_PROCESSOR_THREW: fixInput`A processor failed on a record with an error of no code.
    Read the dead letter; correct the record or the processor.`,
  MR_QUERY_BEHIND: retry`No copy of a store has come as far as the position that a query asks for.
    Ask again in a moment; look at the lag of the task where it stays behind.`,
  MR_QUERY_INVALID: fixInput`A query of a store makes no sense.
    Ask by key, by prefix, by from and to, or by key with fromMs and toMs.`,
  MR_QUERY_STORE_UNKNOWN: fixInput`A query names a store that there is not.
    Take one of GET /stores.`,
  MR_QUERY_TASK_MOVING: retry`The task of a store is being moved or restored, or its process cannot be reached.
    Ask again in a moment; a standby may answer meanwhile.`,
  MR_REBUILD_DEPENDS_ON_ARRIVAL: giveUp`State that depends on the order of arrival or on the wall clock can come out otherwise in a rebuild.
    Verify it from the journal, or force the rebuild and accept what comes out.`,
  MR_RECORD_FAILED: giveUp`A record could not be processed, and the policy is to stop.
    Correct the record or the processor, or choose another policy.`,
  MR_RECORD_FROM_FUTURE: fixInput`A record lies further ahead of the wall clock than its source believes.
    Correct the clock of its producer.`,
  MR_RECORD_KEY: fixInput`A key has no text: it is a number or an object, and its operator was given no key serde.
    Make text of the key, or give the operator a key serde.`,
  MR_RECORD_NULL_KEY: fixInput`A record of a keyed topic has no key.
    Correct its producer.`,
  MR_RECORD_NULL_VALUE: fixInput`A record of a stream has no value.
    Correct its producer; tombstones belong on compacted topics.`,
  MR_RECORD_TIMESTAMP: fixInput`The timestamp of a record, a change of a store or a timer is no whole number of milliseconds from 0 to 2^53 - 1.
    Correct its producer, or the processor that gave the time.`,
  MR_RECORD_UNDECODABLE: fixInput`A record that a reader needs cannot be decoded; the message names topic, partition and offset.
    Find out who else writes to the topic; a newer record of the key stands for it.`,
  MR_RECORD_UNDEFINED: fixInput`A function of a topology returned undefined where a value is needed, or a processor emitted it.
    Return a value on every path, or null where there is none.`,
  MR_RECORD_WINDOWED_KEY: fixInput`A key is read as that of a window, and names none.
    Read topics of windowed tables alone with \`windowedKey\`.`,
  MR_STORE_AHEAD: giveUp`A store holds more of an input than the group's offset says: the offset was set back, or has expired.
    Set the offset to the one in the message, or raise the generation of the topology to process all anew.`,
  MR_STORE_CORRUPT: giveUp`A local store cannot be read.
    Start again: it is rebuilt from its changelog.`,
  MR_STORE_LOCKED: retry`A local store is still open elsewhere.
    Wait until its owner has closed it, or stop the other process.`,
  MR_STORE_OUTDATED: retry`A local store was not brought up to date for longer than its changelog keeps tombstones.
    Nothing to do: it is opened again, and restored whole.`,
  MR_STORE_REFUSED: retry`A value that was written to a store cannot be stored.
    Nothing to do: the records are processed again, and the one that wrote it is put aside.`,
  MR_THREADS_INVALID: fixConfiguration`The number of worker threads is none.
    Use one thread or more, at most as many as there are processors.`,
  MR_THREAD_ENDED: giveUp`A worker thread ended without having been told to.
    Look for what it last logged; something in it has ended it.`,
  MR_TOPOLOGY_INVALID: fixConfiguration`The declaration of a topology is not consistent.
    Change what the message names.`,
  MR_TOPOLOGY_MANIFEST: giveUp`What a topology has kept is written down in a form that cannot be read.
    Start the release that wrote it.`,
  MR_TOPOLOGY_MIGRATION_BUSY: retry`State cannot be migrated while an instance runs, or another one migrates it.
    Stop all instances, and start one.`,
  MR_TOPOLOGY_STATE_CHANGED: fixConfiguration`Stores or repartition topics were renamed, retyped, partitioned anew or removed.
    Choose rename, rebuild or drop for each, or declare another generation.`,
  MR_VERIFY_INPUT_GONE: giveUp`A record that verification has to read again is no longer in the log.
    Compare digests of what is left; keep inputs as long as they are to be verified.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof ENGINE_ERRORS> {}
}
