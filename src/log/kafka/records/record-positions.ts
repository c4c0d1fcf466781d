import { readVarint, readVarlong, varintEnd } from '#platform';

/** Numbers kept of each record. */
export const FIELDS = 6;
/** timestamp - base timestamp; kept in `wideTimestamps` instead where that is there. */
export const TIMESTAMP = 0;
/** offset - base offset. */
export const OFFSET = 1;
/** Position of the key, or -1 for null. */
export const KEY = 2;
export const KEY_END = 3;
/** Position of the value, or -1 for null. */
export const VALUE = 4;
/** End of the value, where the headers begin. */
export const VALUE_END = 5;

/** No record is shorter: length, attributes, two deltas, two lengths, number of headers. */
const LEAST_RECORD_BYTES = 7;

export type RecordPositions = {
  /** FIELDS of each record, one record after the other. */
  readonly fields: Int32Array;
  /** timestamp - base timestamp of each record, where one of them takes more than 32 bits. */
  readonly wideTimestamps: Float64Array | undefined;
  /** Every record has a key and a value, and none has headers. */
  readonly isPlain: boolean;
};

/** Thrown as the reason why a batch is refused; the caller knows which batch. */
export class DamagedRecords extends Error {}

/**
 * One pass over the `count` records between `start` and `end`, which makes each of them reachable without those before
 * it. Whatever the bytes are, it ends, and every position that it gives lies within them. Throws DamagedRecords.
 */
export function locateRecords(
  bytes: Buffer,
  start: number,
  end: number,
  count: number,
  lastOffsetDelta: number,
): RecordPositions {
  if (count * LEAST_RECORD_BYTES > end - start) {
    throw new DamagedRecords(`it claims ${count} records in ${end - start} bytes`);
  }
  const fields = new Int32Array(FIELDS * count);
  let wideTimestamps: Float64Array | undefined;
  let isPlain = true;
  let at = start;
  let previousOffset = -1;
  for (let i = 0, f = 0; i < count; i++, f += FIELDS) {
    const length = readVarint(bytes, at);
    const recordEnd = varintEnd + length;
    if (length < 0 || recordEnd > end) throw new DamagedRecords(`record ${i} runs beyond the batch`);

    const timestamp = readVarlong(bytes, varintEnd + 1);
    if (timestamp !== (timestamp | 0)) {
      if (Number.isNaN(timestamp)) throw new DamagedRecords(`record ${i} has a malformed timestamp`);
      wideTimestamps ??= widened(fields, count);
    }
    if (wideTimestamps !== undefined) wideTimestamps[i] = timestamp;
    fields[f] = timestamp;

    const offset = readVarint(bytes, varintEnd);
    if (offset <= previousOffset || offset > lastOffsetDelta) {
      throw new DamagedRecords(`record ${i} has the offset ${offset} after ${previousOffset}`);
    }
    previousOffset = offset;
    fields[f + OFFSET] = offset;

    const keyLength = readVarint(bytes, varintEnd);
    if (keyLength < -1) throw new DamagedRecords(`record ${i} has a key of ${keyLength} bytes`);
    at = varintEnd + (keyLength < 0 ? 0 : keyLength);
    if (at > recordEnd) throw new DamagedRecords(`the key of record ${i} runs beyond it`);
    fields[f + KEY] = keyLength < 0 ? -1 : varintEnd;
    fields[f + KEY_END] = at;

    const valueLength = readVarint(bytes, at);
    if (valueLength < -1) throw new DamagedRecords(`record ${i} has a value of ${valueLength} bytes`);
    at = varintEnd + (valueLength < 0 ? 0 : valueLength);
    if (at > recordEnd) throw new DamagedRecords(`the value of record ${i} runs beyond it`);
    fields[f + VALUE] = valueLength < 0 ? -1 : varintEnd;
    fields[f + VALUE_END] = at;

    if ((keyLength | valueLength) < 0) isPlain = false;
    if (at === recordEnd - 1 && bytes[at] === 0) at = recordEnd;
    else {
      isPlain = false;
      at = endOfHeaders(bytes, at, recordEnd);
      if (at !== recordEnd) throw new DamagedRecords(`the headers of record ${i} don't end where it does`);
    }
  }
  if (at !== end) throw new DamagedRecords(`${end - at} bytes are left after its last record`);
  return { fields, wideTimestamps, isPlain };
}

function widened(fields: Int32Array, count: number): Float64Array {
  const wide = new Float64Array(count);
  for (let i = 0; i < count; i++) wide[i] = fields[FIELDS * i] as number;
  return wide;
}

/** Any other number than the record's end where they are damaged. */
function endOfHeaders(bytes: Buffer, start: number, recordEnd: number): number {
  const count = readVarint(bytes, start);
  let at = varintEnd;
  if (count < 0 || 2 * count > recordEnd - at) return -1;
  for (let i = 0; i < count; i++) {
    const nameLength = readVarint(bytes, at);
    if (nameLength < 0) return -1;
    at = varintEnd + nameLength;
    const valueLength = readVarint(bytes, at);
    if (valueLength < -1) return -1;
    at = varintEnd + Math.max(0, valueLength);
    if (at > recordEnd) return -1;
  }
  return at;
}
