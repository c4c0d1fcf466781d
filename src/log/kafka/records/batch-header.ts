import { ConfigurationError } from '#platform';
import { corruptBatch } from '../../errors.ts';
import {
  ATTRIBUTES,
  BASE_TIMESTAMP,
  BYTES_BEFORE,
  BYTES_THAT_FOLLOW,
  CHECKSUM,
  COMPRESSION,
  CONTROL,
  COUNT,
  CURRENT_MAGIC,
  checksum,
  HEADER_BYTES,
  LAST_OFFSET_DELTA,
  LOG_APPEND_TIME,
  MAGIC,
  MAX_TIMESTAMP,
  PRODUCER_ID,
  readInt64,
  TRANSACTIONAL,
} from './batch-format.ts';

/** What the header of a batch says, and where in the fetched bytes the batch lies. */
export type BatchHeader = {
  readonly bodyStart: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly count: number;
  readonly compression: number;
  readonly isLogAppendTime: boolean;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
};

/**
 * The headers of the batches in what a broker has sent of one partition, one after the other, each with its batch's checksum
 * checked. The last batch may be cut off by the limit of bytes: it is left out. FatalError MR_LOG_CORRUPT,
 * ConfigurationError MR_LOG_RECORD_FORMAT.
 */
export function* batchHeaders(topic: string, partition: number, bytes: Buffer): Generator<BatchHeader, void> {
  for (let at = 0; at + MAGIC < bytes.length; ) {
    const header = batchHeaderAt(bytes, at, `${topic}/${partition}`);
    if (header === undefined) return;
    yield header;
    at = header.end;
  }
}

/** Undefined: the batch is cut off. */
function batchHeaderAt(bytes: Buffer, at: number, place: string): BatchHeader | undefined {
  const baseOffset = readInt64(bytes, at);
  const corrupt = (reason: string) => corruptBatch(`${place} offset ${baseOffset}`, reason);
  const magic = bytes.readInt8(at + MAGIC);
  if (magic === 0 || magic === 1) throw oldFormat(`${place} offset ${baseOffset}`, magic);
  if (magic !== CURRENT_MAGIC) throw corrupt(`it has the unknown format version ${magic}`);
  const end = at + BYTES_BEFORE + bytes.readInt32BE(at + BYTES_THAT_FOLLOW);
  if (end - at < HEADER_BYTES) throw corrupt(`it claims to have ${end - at} bytes`);
  if (end > bytes.length) return undefined;
  if (checksum(bytes, at, end) !== bytes.readUInt32BE(at + CHECKSUM)) throw corrupt('its checksum is wrong');
  const header = readBatchHeader(bytes, at, end, baseOffset);
  const { lastOffset, count } = header;
  if (baseOffset < 0 || !hasExactNumbers(header)) {
    throw corrupt('its offsets, timestamps or producer id are not within 2^53');
  }
  if (count < 0 || count > lastOffset - baseOffset + 1) {
    throw corrupt(`it claims ${count} records up to offset ${lastOffset}`);
  }
  return header;
}

function hasExactNumbers(header: BatchHeader): boolean {
  const { lastOffset, baseTimestamp, maxTimestamp, producerId } = header;
  return [lastOffset + 1, baseTimestamp, maxTimestamp, producerId].every(Number.isSafeInteger);
}

function readBatchHeader(bytes: Buffer, at: number, end: number, baseOffset: number): BatchHeader {
  const attributes = bytes.readInt16BE(at + ATTRIBUTES);
  return {
    bodyStart: at + HEADER_BYTES,
    end,
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + LAST_OFFSET_DELTA),
    baseTimestamp: readInt64(bytes, at + BASE_TIMESTAMP),
    maxTimestamp: readInt64(bytes, at + MAX_TIMESTAMP),
    producerId: readInt64(bytes, at + PRODUCER_ID),
    count: bytes.readInt32BE(at + COUNT),
    compression: attributes & COMPRESSION,
    isLogAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
  };
}

const oldFormat = (where: string, magic: number) =>
  new ConfigurationError(
    'MR_LOG_RECORD_FORMAT',
    `the batch at ${where} is in record format ${magic}, of Kafka before 0.11`,
    { hint: 'copy the topic with a current client: brokers keep old batches as they were written' },
  );
