import { type Emit, type Model, type Row, Unspecified } from '../model.ts';
import { pairOf } from '../values.ts';
import type { JoinType } from './stream-join.ts';
import { InOrder } from './versions.ts';

type Kept = { readonly value: string; readonly timestamp: number };

/**
 * The pair with each change of either row; how often it comes out where one record of the source changes both is left open.
 * A change of a versioned table that is older than its row has no effect.
 */
export function tableJoinModel(type: JoinType, historyMs?: number): Model {
  const [lefts, rights] = [new Map<string, Kept>(), new Map<string, Kept>()];
  const changed = { left: new Set<string>(), right: new Set<string>() };
  const orders =
    historyMs === undefined ? undefined : { left: new InOrder(historyMs), right: new InOrder(historyMs) };
  return {
    record: ({ key, value, timestamp }, _watermark, emit, fromSide) => {
      const isTaken = orders?.[fromSide ? 'right' : 'left'].takes(key, value, timestamp) ?? true;
      if (!isTaken) return;
      changed[fromSide ? 'right' : 'left'].add(key);
      if (changed.left.has(key) && changed.right.has(key)) throw new Unspecified('both rows at once');
      const own = fromSide ? rights : lefts;
      const hadOwn = own.has(key);
      if (value === null) own.delete(key);
      else own.set(key, { value, timestamp });
      const [left, right] = [lefts.get(key), rights.get(key)];
      const other = fromSide ? left : right;
      // Kafka's rule for when there is nothing to say: no pair is there, and none was.
      const isNeeded = { inner: true, left: fromSide, outer: false }[type];
      if (other === undefined && (isNeeded || (value === null && !hadOwn))) return;
      const isPair = (left !== undefined || type === 'outer') && (right !== undefined || type !== 'inner');
      const isRow = isPair && (left !== undefined || right !== undefined);
      emit({
        key,
        value: isRow ? pairOf(left?.value, right?.value) : null,
        timestamp: Math.max(timestamp, other?.timestamp ?? timestamp),
      });
    },
    advance: (watermark) => {
      orders?.left.advance(watermark);
      orders?.right.advance(watermark);
    },
    commit: () => {
      changed.left.clear();
      changed.right.clear();
    },
  };
}

/** Rows in groups: a row that changes leaves its group and comes into its new one, at once where these are the same. */
export function groupModel(of: {
  readonly groupOf: (value: string) => string | null;
  readonly add: (state: number, value: string) => number;
  readonly subtract: (state: number, value: string) => number;
  readonly historyMs?: number;
}): Model {
  const rows = new Map<string, string>();
  const groups = new Map<string, { readonly state: number; readonly timestamp: number }>();
  const order = of.historyMs === undefined ? undefined : new InOrder(of.historyMs);
  const change = (group: string, timestamp: number, by: (state: number) => number, emit: Emit) => {
    const before = groups.get(group);
    const after = {
      state: by(before?.state ?? 0),
      timestamp: Math.max(timestamp, before?.timestamp ?? timestamp),
    };
    groups.set(group, after);
    emit({ key: group, value: String(after.state), timestamp: after.timestamp });
  };
  return {
    record: ({ key, value, timestamp }: Row, _watermark, emit) => {
      if (order?.takes(key, value, timestamp) === false) return;
      const old = rows.get(key);
      if (value === null) rows.delete(key);
      else rows.set(key, value);
      const from = old === undefined ? null : of.groupOf(old);
      const to = value === null ? null : of.groupOf(value);
      const leaves = (state: number) => of.subtract(state, old as string);
      const comes = (state: number) => of.add(state, value as string);
      if (from !== null && from === to) change(from, timestamp, (state) => comes(leaves(state)), emit);
      else {
        if (from !== null) change(from, timestamp, leaves, emit);
        if (to !== null) change(to, timestamp, comes, emit);
      }
    },
    advance: (watermark) => order?.advance(watermark),
  };
}

/**
 * Each left row with the right row that it names: the last result of each key is what is certain. None is older than the
 * row that it replaces, if that came out: where one record changes a left row twice, the first answer may be superseded.
 */
export function foreignKeyModel(type: 'inner' | 'left', namedBy: (value: string) => string | null): Model {
  const [lefts, rights] = [new Map<string, Kept>(), new Map<string, Kept>()];
  const results = new Map<string, { readonly timestamp: number }>();
  const changed = new Set<string>();
  return {
    record: ({ key, value, timestamp }, _watermark, emit, fromSide) => {
      const own = fromSide ? rights : lefts;
      if (value === null && !own.has(key)) return;
      if (value === null) own.delete(key);
      else own.set(key, { value, timestamp });
      const touched = fromSide ? [...lefts.keys()].filter((left) => namedOf(left) === key) : [key];
      for (const each of touched) {
        const left = lefts.get(each);
        const named = left === undefined ? null : namedBy(left.value);
        const right = named === null ? undefined : rights.get(named);
        const isRow = left !== undefined && (type === 'left' || right !== undefined);
        const result = isRow ? pairOf(left?.value, right?.value) : null;
        const before = results.get(each);
        if (result === null && before === undefined) continue;
        const ownMs = Math.max(timestamp, left?.timestamp ?? 0, right?.timestamp ?? 0);
        const beforeMs = before?.timestamp ?? 0;
        if (changed.has(each) && ownMs < beforeMs)
          throw new Unspecified('after an answer of the same record');
        changed.add(each);
        const row = { value: result, timestamp: Math.max(ownMs, beforeMs) };
        if (result === null) results.delete(each);
        else results.set(each, row);
        emit({ key: each, ...row });
      }
      function namedOf(left: string) {
        return namedBy((lefts.get(left) as Kept).value);
      }
    },
    commit: () => changed.clear(),
  };
}
