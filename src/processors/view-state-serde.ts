import type { Serde } from '#engine';
import { avroCodec, type Interaction, type ViewState } from '#schemas';

const HEADER_BYTES = 5;
const SMALLEST_BYTES = 512;
const LONGEST_COUNT = 8;
const NONE: Interaction[] = [];

/**
 * Writes view states as `values` does, byte for byte, with each pending event encoded once at most: see acceptedEvents. An
 * event is pending in the rows of several views, and in each it is written again with every change of the row until the
 * watermark has passed it; the bytes of a record are the same wherever it stands.
 */
export function viewStates(values: Serde<ViewState>): Serde<ViewState> {
  const { encodeInto: writeState } = values;
  if (writeState === undefined) return values;
  const encodeInto = ({ state, pending }: ViewState, target: Buffer, at: number): number => {
    const end = writeState({ state, pending: NONE }, target, at);
    if (end < 0 || pending.length === 0) return end;
    let bytes = LONGEST_COUNT;
    for (const event of pending) bytes += bytesOf(event).length;
    if (end + bytes > target.length) return target.length - end - bytes;
    // An array in Avro is a count, so many items, and a count of 0: the last byte of the state without any.
    let next = writeAvroLong(target, end - 1, pending.length);
    for (const event of pending) next += bytesOf(event).copy(target, next);
    target[next] = 0;
    return next + 1;
  };
  const encode = (value: ViewState): Buffer => {
    let bytes = Buffer.allocUnsafe(SMALLEST_BYTES);
    let end = encodeInto(value, bytes, 0);
    for (; end < 0; end = encodeInto(value, bytes, 0)) bytes = Buffer.allocUnsafe(bytes.length - end);
    return bytes.subarray(0, end);
  };
  return { ...values, encodeInto, encode };
}

/** Events of a topic, whose bytes are kept for the rows in which they will be pending. */
export function acceptedEvents(values: Serde<Interaction>): Serde<Interaction> {
  const { decodeAt, isOwnAt } = values;
  if (decodeAt === undefined || isOwnAt === undefined) return values;
  return {
    ...values,
    decodeAt: (bytes, start, end) => {
      const event = decodeAt(bytes, start, end);
      if (!isOwnAt(bytes, start, end)) return event;
      // A copy: an event that is pending for long would hold the whole batch.
      const own = Buffer.allocUnsafe(end - start - HEADER_BYTES);
      bytes.copy(own, 0, start + HEADER_BYTES, end);
      encoded.set(event, own);
      return event;
    },
  };
}

const interactions = avroCodec('Interaction');
const encoded = new WeakMap<Interaction, Buffer>();

function bytesOf(event: Interaction): Buffer {
  let bytes = encoded.get(event);
  if (bytes === undefined) {
    bytes = interactions.encode(0, event).subarray(HEADER_BYTES);
    encoded.set(event, bytes);
  }
  return bytes;
}

/** A positive number as Avro writes a long: zigzag, seven bits a byte, the lowest first. */
function writeAvroLong(target: Buffer, at: number, value: number): number {
  let rest = 2 * value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) target[at++] = (rest & 0x7f) | 0x80;
  target[at] = rest;
  return at + 1;
}
