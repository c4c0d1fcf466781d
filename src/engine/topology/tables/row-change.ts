import { invariant } from '#platform';
import { formatAround, type Serde } from '../../serde.ts';

/** What a row's change means to one group: the row as it was goes out, the row as it is comes in; one of them or both. */
export type RowChange<V> = { readonly removed?: V; readonly added?: V };

const REMOVED = 0;
const ADDED = 1;
const REPLACED = 2;
const LENGTH_BYTES = 4;

/**
 * Changes on their way to the aggregate: the framing of the value's serde, one byte that tells which of the rows
 * follow, and their bodies, the first with its length before it where there are two. The framing stays in front, so
 * that `framing` bytes of any value are the registry's business alone.
 */
export function rowChangeSerde<V>(row: Serde<V>): Serde<RowChange<V>> {
  const { framing } = row;
  const head = (bytes: Buffer, kind: number) =>
    Buffer.concat([bytes.subarray(0, framing), Buffer.from([kind])]);
  const decodeRow = (bytes: Buffer, body: Buffer) =>
    row.decode(framing === 0 ? body : Buffer.concat([bytes.subarray(0, framing), body]));
  return {
    encode: ({ removed, added }) => {
      const old = removed === undefined ? undefined : row.encode(removed);
      const bytes = added === undefined ? undefined : row.encode(added);
      const framed = bytes ?? old;
      invariant(framed !== undefined, 'a change of a group removes a row, or adds one');
      if (old === undefined || bytes === undefined) {
        const kind = old === undefined ? ADDED : REMOVED;
        return Buffer.concat([head(framed, kind), framed.subarray(framing)]);
      }
      const isAlike = old.subarray(0, framing).equals(bytes.subarray(0, framing));
      invariant(isAlike, 'a serde frames all of its values alike');
      const length = Buffer.allocUnsafe(LENGTH_BYTES);
      length.writeUInt32BE(old.length - framing);
      return Buffer.concat([head(bytes, REPLACED), length, old.subarray(framing), bytes.subarray(framing)]);
    },
    decode: (bytes) => {
      const kind = bytes[framing];
      const body = bytes.subarray(framing + 1);
      if (kind === REMOVED) return { removed: decodeRow(bytes, body) };
      if (kind === ADDED) return { added: decodeRow(bytes, body) };
      invariant(kind === REPLACED, `a row's change is of the unknown kind ${kind}`);
      const middle = LENGTH_BYTES + body.readUInt32BE();
      return {
        removed: decodeRow(bytes, body.subarray(LENGTH_BYTES, middle)),
        added: decodeRow(bytes, body.subarray(middle)),
      };
    },
    prepare: (bytes) => row.prepare(bytes),
    fingerprint: Buffer.concat([Buffer.from('row-change-1:'), row.fingerprint]),
    ...formatAround('row-change-1', row),
    framing,
  };
}
