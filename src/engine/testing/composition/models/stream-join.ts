import type { Emit, Model } from '../model.ts';
import { pairOf } from '../values.ts';
import { byDue } from './timers.ts';

export type JoinTimes = { readonly beforeMs: number; readonly afterMs: number; readonly graceMs: number };
export type JoinType = 'inner' | 'left' | 'outer';

type Taken = {
  readonly key: string;
  readonly value: string;
  readonly timestamp: number;
  readonly isLeft: boolean;
  /** When it comes out alone, unless it has met another. */
  readonly closesAtMs: number;
  isPending: boolean;
  /** It has come out alone, and meets nothing more. */
  isOver: boolean;
};

const inOrderOfTime = (a: Taken, b: Taken) => a.timestamp - b.timestamp;

/** Pairs of records whose times lie close enough; left and outer joins let the others out when their windows close. */
export function streamJoinModel(type: JoinType, { beforeMs, afterMs, graceMs }: JoinTimes): Model {
  const taken: Taken[] = [];
  const pending = () => taken.filter(({ isPending }) => isPending);
  return {
    record: ({ key, value, timestamp }, watermark, emit, fromSide) => {
      const isLeft = !fromSide;
      const lastMs = timestamp + (isLeft ? afterMs : beforeMs) + graceMs;
      if (value === null || watermark > lastMs) return;
      const isPending = type === 'outer' || (type === 'left' && isLeft);
      const own: Taken = { key, value, timestamp, isLeft, closesAtMs: lastMs + 1, isPending, isOver: false };
      for (const other of taken.toSorted(inOrderOfTime)) {
        if (other.key !== key || other.isLeft === isLeft || other.isOver) continue;
        const [left, right] = isLeft ? [own, other] : [other, own];
        const laterMs = right.timestamp - left.timestamp;
        if (laterMs < -beforeMs || laterMs > afterMs) continue;
        own.isPending = other.isPending = false;
        emit({
          key,
          value: pairOf(left.value, right.value),
          timestamp: Math.max(timestamp, other.timestamp),
        });
      }
      taken.push(own);
    },
    advance: (watermark, emit) => {
      const closed = pending().filter(({ closesAtMs }) => closesAtMs <= watermark);
      for (const each of closed.sort(byDue(({ closesAtMs, key }) => [closesAtMs, key]))) {
        each.isPending = false;
        each.isOver = true;
        const [left, right] = each.isLeft ? [each.value, null] : [null, each.value];
        emit({ key: each.key, value: pairOf(left, right), timestamp: each.timestamp });
      }
    },
    hold: () => Math.min(...pending().map(({ timestamp }) => timestamp)),
  };
}

/** As an inner join of the stream with itself, each record's pair with itself between the earlier and the later ones. */
export function selfJoinModel({ beforeMs, afterMs, graceMs }: JoinTimes): Model {
  const taken: { readonly key: string; readonly value: string; readonly timestamp: number }[] = [];
  const isNear = (left: number, right: number) => right - left >= -beforeMs && right - left <= afterMs;
  return {
    record: ({ key, value, timestamp }, watermark, emit: Emit) => {
      if (value === null || watermark > timestamp + Math.max(beforeMs, afterMs) + graceMs) return;
      const others = taken.filter((each) => each.key === key).sort((a, b) => a.timestamp - b.timestamp);
      const pair = (left: string, right: string, otherMs: number) =>
        emit({ key, value: pairOf(left, right), timestamp: Math.max(timestamp, otherMs) });
      for (const other of others) {
        if (isNear(timestamp, other.timestamp)) pair(value, other.value, other.timestamp);
      }
      const asRight = others.filter((other) => isNear(other.timestamp, timestamp));
      for (const other of asRight.filter((each) => each.timestamp <= timestamp)) {
        pair(other.value, value, other.timestamp);
      }
      pair(value, value, timestamp);
      for (const other of asRight.filter((each) => each.timestamp > timestamp)) {
        pair(other.value, value, other.timestamp);
      }
      taken.push({ key, value, timestamp });
    },
  };
}
