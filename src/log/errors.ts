import { ConfigurationError, FatalError, InputError } from '#platform';
import type { TopicPartition } from './port.ts';

/** The errors that every adapter of the log throws alike; what only one adapter can meet stays with it. */

export const logClosed = () =>
  new FatalError('MR_LOG_CLOSED', 'the log, producer or consumer is closed', {
    hint: 'open the log again; nothing that was acknowledged is lost',
  });

export const fenced = (transactionalId: string) =>
  new FatalError('MR_LOG_FENCED', `a newer producer has taken over the transactional id ${transactionalId}`, {
    hint: 'discard all state derived since the last commit and start over; another instance owns this work now',
  });

export const staleGeneration = (group: string, memberId: string, generation: number) =>
  new FatalError(
    'MR_LOG_GENERATION',
    `member ${memberId || '(none)'} of group ${group} holds generation ${generation}, which is no longer current`,
    { hint: 'rejoin the group and start from the committed offsets' },
  );

export const unknownTopic = (topic: string, partition?: number) =>
  new InputError(
    'MR_LOG_UNKNOWN_TOPIC',
    partition === undefined ? `there is no topic ${topic}` : `topic ${topic} has no partition ${partition}`,
    { hint: 'create the topic first, or check its name and number of partitions' },
  );

export const topicMismatch = (topic: string, has: string, wanted: string) =>
  new ConfigurationError('MR_LOG_TOPIC_MISMATCH', `topic ${topic} exists as ${has}, not as ${wanted}`, {
    hint: 'use the existing settings, another name, or delete the topic with its data',
  });

export const invalidTopic = (topic: string, reason: string) =>
  new InputError('MR_LOG_INVALID_TOPIC', `topic ${JSON.stringify(topic)}: ${reason}`, {
    hint: 'names have 1 to 249 of the characters a-z A-Z 0-9 . _ -; at least one partition is required',
  });

export const offsetOutOfRange = (at: TopicPartition, offset: number, start: number, end: number) =>
  new FatalError(
    'MR_LOG_OFFSET_OUT_OF_RANGE',
    `offset ${offset} of ${at.topic}/${at.partition} is outside the log, which holds ${start} to ${end}`,
    { hint: 'retention removed the records, or they were lost: restore from the start, or from an archive' },
  );

export const keyRequired = (at: TopicPartition) =>
  new InputError(
    'MR_LOG_KEY_REQUIRED',
    `a record without a key was appended to compacted ${at.topic}/${at.partition}`,
    {
      hint: 'compaction keeps the newest record of each key: give every record a key',
    },
  );

export const invalidOffset = (at: TopicPartition, offset: number) =>
  new InputError('MR_LOG_INVALID_OFFSET', `${offset} is not an offset of ${at.topic}/${at.partition}`, {
    hint: 'offsets are whole numbers from 0 to 2^53 - 1',
  });

export const metadataTooLong = (at: TopicPartition, bytes: number) =>
  new InputError(
    'MR_LOG_METADATA_TOO_LONG',
    `offset metadata of ${at.topic}/${at.partition} has ${bytes} bytes`,
    {
      hint: 'at most 4096 bytes are kept beside an offset',
    },
  );

export const commitInProgress = (transactionalId: string) =>
  new FatalError('MR_LOG_COMMIT_IN_PROGRESS', `the transaction of ${transactionalId} is being committed`, {
    hint: 'await commit() before the next append, sendOffsets, commit or abort',
  });

export const corruptBatch = (where: string, reason: string) =>
  new FatalError('MR_LOG_CORRUPT', `stored batch at ${where} is damaged: ${reason}`, {
    hint: 'the disk or the file was damaged after it was written: restore the log from a backup or the archive',
  });

export const invalidRecord = (reason: string) =>
  new InputError('MR_LOG_INVALID_RECORD', reason, {
    hint: 'timestamps are finite numbers of ms; keys, values and header values are Buffers or null',
  });

export const invalidAssignment = (group: string, memberId: string) =>
  new InputError(
    'MR_LOG_INVALID_ASSIGNMENT',
    `the assignment for group ${group} names ${memberId}, who is not a member`,
    {
      hint: 'assign() may only assign to the members it was called with',
    },
  );

export const unknownSchema = (id: number) =>
  new InputError('MR_SCHEMA_UNKNOWN', `the registry has no schema with id ${id}`, {
    hint: 'the bytes come from another registry, or are not Avro in the Confluent wire format',
  });

export const incompatibleSchema = (subject: string, reason: string) =>
  new InputError('MR_SCHEMA_INCOMPATIBLE', `the schema can't read what ${subject} holds: ${reason}`, {
    hint: 'give new fields a default and keep the old types, or use another subject',
  });
