import type { FlowRecord } from '../../operators/record.ts';
import { checkedKey } from '../../operators/record-checks.ts';
import { adaptSerde, type Serde } from '../../serde.ts';
import { type Entry, timestampedList } from '../../store/timestamped-list.ts';
import {
  defineProcessor,
  type Port,
  type Ports,
  type ProcessorContext,
  port,
  type StoreSpec,
} from '../processor.ts';
import type { Table } from '../table.ts';
import { joinedKey, settledAt } from '../windows/windowed-key.ts';

export type TableJoinType = 'inner' | 'left' | 'outer';

type Row<V> = { readonly timestamp: number; readonly value: V | null };

type Context<L, R> = ProcessorContext<Ports, { left: StoreSpec<Row<L>>; right: StoreSpec<Row<R>> }>;

/** A row with the timestamp of its last change. */
export function timestampedRow<V>(value: Serde<V>): Serde<Row<V>> {
  return adaptSerde<readonly Entry<V>[], Row<V>>(
    timestampedList(value),
    ([entry]) => entry as Entry<V>,
    (row) => [{ ...row, marked: false }],
  );
}

/**
 * The processor that a join of two tables is, after Kafka Streams' KTableKTableJoin: a change of either row gives the
 * pair again, with the later of both timestamps. The right row changes before either side's change is joined, so that
 * a table which is joined twice with the same one never meets that one's past. A right row that goes stays without a
 * value until its own change is joined: it tells what was there. Rows of windows are forgotten when those of both tables
 * have closed; a change that comes nevertheless is late.
 */
export function tableJoinSpec<K, L, R, J>(
  name: string,
  left: Table<K, L>,
  right: Table<K, R>,
  type: TableJoinType,
  join: (left: L | null, right: R | null) => J,
) {
  const key = checkedKey(joinedKey(left.key, right.key), name);
  const settled = settledAt(key);
  const isOver = (k: K, watermark: number) => settled !== undefined && settled(k) <= watermark;
  const reads = ({ key: k }: FlowRecord<K>) => {
    const own = k === null ? [] : [key.toText(k)];
    return { left: own, right: own, timers: settled === undefined ? [] : own };
  };
  return defineProcessor<
    { arriving: Port<K, R | null>; left: Port<K, L | null>; right: Port<K, R | null> },
    { joined: Port<K, J | null> },
    { left: StoreSpec<Row<L>>; right: StoreSpec<Row<R>> }
  >({
    inputs: { arriving: port(), left: port(), right: port() },
    outputs: { joined: port() },
    stores: { left: { value: timestampedRow(left.value) }, right: { value: timestampedRow(right.value) } },
    reads: { arriving: reads, left: reads, right: reads },
    process: {
      arriving: ({ key: k, value, timestamp }, { stores, setTimer, drop, watermark }) => {
        if (k === null) return drop('null-key');
        if (isOver(k, watermark)) return drop('late');
        const text = key.toText(k);
        if (value !== null || stores.right.get(text) !== undefined) {
          stores.right.put(text, { timestamp, value }, timestamp);
          if (settled !== undefined) setTimer(text, settled(k));
        }
      },
      left: ({ key: k, value, timestamp }, { stores, emit, setTimer, drop, watermark }) => {
        if (k === null) return drop('null-key');
        if (isOver(k, watermark)) return drop('late');
        const text = key.toText(k);
        const wasThere = stores.left.get(text) !== undefined;
        if (value !== null) stores.left.put(text, { timestamp, value }, timestamp);
        else if (wasThere) stores.left.delete(text, timestamp);
        if (value !== null && settled !== undefined) setTimer(text, settled(k));
        const other = stores.right.get(text);
        if (other === undefined || other.value === null) {
          const goes = value === null && wasThere;
          if (type === 'inner') {
            // Both rows go at once, the right one's own change finds no left row any more.
            if (goes && other !== undefined) emit('joined', k, null, timestamp);
          } else if (value !== null) emit('joined', k, join(value, null), timestamp);
          else if (goes) emit('joined', k, null, timestamp);
          return;
        }
        const result = value === null && type !== 'outer' ? null : join(value, other.value);
        emit('joined', k, result, Math.max(timestamp, other.timestamp));
      },
      right: ({ key: k, value, timestamp }, { stores, emit, watermark }) => {
        if (k === null || isOver(k, watermark)) return;
        const text = key.toText(k);
        const own = stores.right.get(text);
        const other = stores.left.get(text);
        if (own?.value === null) stores.right.delete(text, timestamp);
        if (other === undefined) {
          if (type !== 'outer' || (value === null && own === undefined)) return;
          emit('joined', k, value === null ? null : join(null, value), timestamp);
          return;
        }
        const result = value === null && type === 'inner' ? null : join(other.value, value);
        emit('joined', k, result, Math.max(timestamp, other.timestamp));
      },
    },
    ...(settled !== undefined && {
      onTimer: (text: string, dueMs: number, { stores }: Context<L, R>) => {
        stores.left.delete(text, dueMs);
        stores.right.delete(text, dueMs);
      },
    }),
  });
}
