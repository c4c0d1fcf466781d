import type { Model, Row } from '../model.ts';
import { idOf } from './stateless.ts';
import { byDue } from './timers.ts';

type Held = { row: Row; readonly dueMs: number; readonly firstMs: number };

/**
 * The last change of each row: when its window has closed, unless that change removed it, or so long after the first change
 * since the row last went out.
 */
export function suppressModel(until: 'window-close' | { readonly forMs: number }): Model {
  const held = new Map<string, Held>();
  return {
    record: (row) => {
      const id = idOf(row);
      const before = held.get(id);
      if (row.value === null && until === 'window-close') {
        held.delete(id);
        return;
      }
      const dueMs = until === 'window-close' ? (row.span?.closesAtMs ?? 0) : row.timestamp + until.forMs;
      if (before !== undefined) before.row = row;
      else held.set(id, { row, dueMs, firstMs: row.timestamp });
    },
    advance: (watermark, emit) => {
      const due = [...held].filter(([, { dueMs }]) => dueMs <= watermark);
      for (const [id, { row }] of due.sort(
        byDue(([, { dueMs, row }]) => [dueMs, row.key, row.span?.startMs ?? 0]),
      )) {
        held.delete(id);
        emit(row);
      }
    },
    hold: () => Math.min(...[...held.values()].map(({ firstMs }) => firstMs)),
  };
}
