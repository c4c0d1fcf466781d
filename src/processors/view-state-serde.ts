import type { Serde } from '#engine';
import { avroCodec, type Interaction, type ViewState } from '#schemas';

const HEADER_BYTES = 5;
const EMPTY_ARRAY = Buffer.of(0);

/**
 * Writes view states as `values` does, byte for byte, with each pending event encoded once. An event is pending in the
 * rows of several views, and in each it is written again with every change of the row until the watermark has passed it;
 * the bytes of a record are the same wherever it stands.
 */
export function viewStates(values: Serde<ViewState>): Serde<ViewState> {
  const { encodeInto: _, ...others } = values;
  return {
    ...others,
    encode: ({ state, pending }) => {
      const bytes = values.encode({ state, pending: [] });
      if (pending.length === 0) return bytes;
      // An array in Avro is a count, so many items, and a count of 0: the last byte of the state without any.
      return Buffer.concat([
        bytes.subarray(0, -1),
        avroLong(pending.length),
        ...pending.map(bytesOf),
        EMPTY_ARRAY,
      ]);
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

/** A small positive number as Avro writes a long: zigzag, seven bits a byte, the lowest first. */
function avroLong(value: number): Buffer {
  const bytes: number[] = [];
  let rest = 2 * value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
