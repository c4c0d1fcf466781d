/** The error codes of the log, its adapters and the schema registry. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const LOG_ERRORS = {
  MR_KAFKA_FORBIDDEN: fixConfiguration`The user lacks a permission on a topic, group or transactional id.
    Grant it with kafka-acls.`,
  MR_KAFKA_GROUP: fixConfiguration`A Kafka group accepts no member: consumers of another kind are in it, it is full, or its name is not allowed.
    Stop the other consumers, or allow more members with group.max.size.`,
  MR_KAFKA_LOGIN: fixConfiguration`The brokers reject the user or a connection without TLS or login, or their certificate is not trusted.
    Check user, password, mechanism and certificates.`,
  MR_KAFKA_REFUSED: giveUp`A broker rejects a request for a reason that no retry fixes.
    Look the name in the message up in Kafka's list of protocol errors.`,
  MR_KAFKA_SESSION: fixConfiguration`The brokers do not allow a group member's session timeout.
    Choose one between the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms.`,
  MR_KAFKA_URL: fixConfiguration`The address of Kafka is not a kafka:// URL, or one of its parameters is wrong.
    Write kafka://host:9092; docs/KAFKA.md lists the parameters.`,
  MR_KAFKA_VERSION: fixConfiguration`The brokers are older than Kafka 3.7.
    Use brokers of Apache Kafka 3.7 or newer.`,
  MR_LOG_BUSY: retry`Another process has held the log for a long time.
    Retry; end that process if it is suspended.`,
  MR_LOG_CANT_OPEN: fixConfiguration`The log file cannot be opened or written.
    Check that its directory exists and is writable.`,
  MR_LOG_CLOSED: giveUp`The log, producer or consumer was closed.
    Open it again; nothing acknowledged is lost.`,
  MR_LOG_COMMIT_IN_PROGRESS: giveUp`A transaction was used while it was committing.
    Await commit before the next call.`,
  MR_LOG_CORRUPT: giveUp`The log file, or a batch in it, is damaged.
    Restore the log from a copy or the archive.`,
  MR_LOG_FENCED: giveUp`A newer producer has taken over the transactional id.
    Discard what was derived since the last commit and start over.`,
  MR_LOG_GENERATION: giveUp`The group has rebalanced since this member joined.
    Rejoin and start from the committed offsets.`,
  MR_LOG_INVALID_ASSIGNMENT: fixInput`A group assignment names someone who is not a member.
    Assign only to the members that assign was called with.`,
  MR_LOG_INVALID_OFFSET: fixInput`An offset is negative, fractional or too large.
    Offsets are whole numbers from 0 to 2^53 - 1.`,
  MR_LOG_INVALID_RECORD: fixInput`A record has an invalid timestamp, key, value or header.
    Pass timestamps in ms, and bytes or null for the rest.`,
  MR_LOG_INVALID_TOPIC: fixInput`A topic's name or number of partitions is not allowed.
    Choose a name of a-z A-Z 0-9 . _ - and at least one partition.`,
  MR_LOG_KEY_REQUIRED: fixInput`A record without a key was sent to a compacted topic.
    Give it a key.`,
  MR_LOG_LOCK_HELD: retry`A process has held the write lock of the log for over a second (logged, not thrown).
    Resume or end the process that the line names.`,
  MR_LOG_METADATA_TOO_LONG: fixInput`The metadata of an offset commit is over 4 KiB.
    Shorten it.`,
  MR_LOG_NETWORK_FS: fixConfiguration`The data directory is on a network file system.
    Put it on a local disk.`,
  MR_LOG_NEWER_FORMAT: fixConfiguration`A newer version of Millrace wrote the log.
    Use that version.`,
  MR_LOG_NOT_A_LOG: fixConfiguration`The file at the log's path is not a log.
    Give Millrace its own data directory.`,
  MR_LOG_NOT_THE_OWNER: fixConfiguration`A connection was requested from a log that does not run the writer thread.
    Request it from the log in the thread that opened it first.`,
  MR_LOG_OFFSET_OUT_OF_RANGE: giveUp`The requested records are no longer in the log, or not yet.
    Restore from the start or from an archive.`,
  MR_LOG_OFFSET_OVERFLOW: giveUp`A partition has no offsets left.
    Write to a new topic.`,
  MR_LOG_RECORD_FORMAT: fixConfiguration`A Kafka topic holds records in the format of Kafka before 0.11.
    Copy the topic with a current client: brokers keep old batches as they were written.`,
  MR_LOG_TOPIC_MISMATCH: fixConfiguration`A topic exists with a different number of partitions or cleanup policy.
    Use the existing settings, or delete the topic with its data.`,
  MR_LOG_TOPIC_REPLACED: giveUp`A topic was deleted and recreated while being read.
    Discard what was derived from the old one and start over.`,
  MR_LOG_TRANSACTION_ABORTED: retry`The brokers aborted a transaction, usually because it took longer than they allow.
    Append and commit again: none of it is visible.`,
  MR_LOG_UNAVAILABLE: retry`A partition or the brokers cannot be read or written at the moment.
    Check that the brokers run and are reachable, then retry.`,
  MR_LOG_UNKNOWN_TOPIC: fixInput`The topic or partition does not exist.
    Create it, or check its name.`,
  MR_LOG_WRITER_FAILED: giveUp`The thread that writes the log has ended.
    Restart the process, and read the error before this one.`,
  MR_LOG_WRITE_FAILED: retry`The disk is full or failing; the call wrote nothing.
    Free space or repair the disk.`,
  MR_RECORD_TOO_LARGE: fixInput`A record is larger than the log accepts.
    Split the value, or store it elsewhere and send a reference.`,
  MR_SCHEMA_REGISTRY_ANSWER: fixConfiguration`The server at the schema registry's address is not a Confluent-compatible registry.
    Correct the path of the address: /apis/ccompat/v7 on Apicurio, none on Confluent.`,
  MR_SCHEMA_REGISTRY_REFUSED: fixConfiguration`The schema registry rejects the user or denies a permission, or its certificate is not trusted.
    Correct the user, the password or the certificate authority in the registry's options.`,
  MR_SCHEMA_REGISTRY_UNAVAILABLE: retry`The schema registry does not respond, or responds with a server error.
    Retry once it is up; the process keeps using the schemas that it already knows.`,
  MR_SCHEMA_REGISTRY_URL: fixConfiguration`The address of the schema registry is malformed.
    Write it as http://host:port/path; the message says what is wrong.`,
  MR_SCHEMA_UNKNOWN: fixInput`The registry has no schema with that id.
    Find out which registry the producer used.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof LOG_ERRORS> {}
}
