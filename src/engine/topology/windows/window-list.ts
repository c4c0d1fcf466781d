import type { KeySerde } from '../../serde.ts';
import type { ProcessorContext } from '../processor.ts';
import type { windowPorts } from './aggregation.ts';
import type { WindowState } from './state-serde.ts';
import type { Windowed } from './windowed-key.ts';

type Outputs<K, V, S> = ReturnType<typeof windowPorts<K, V, S>>['outputs'];
// biome-ignore lint/suspicious/noExplicitAny: the serde of the one store is the caller's.
type Context<K, V, S> = ProcessorContext<Outputs<K, V, S>, { windows: any }>;

/** The life of windows that are kept in one row a key, in the order of their starts, under one timer. */
export type WindowLife = {
  readonly emitsOnClose: boolean;
  readonly closesAt: (endMs: number) => number;
  /** Not before it closes. */
  readonly removedAt: (endMs: number) => number;
};

/** Writes a key's windows, and sets its timer to the first of their closes and removals behind `watermark`. */
export function keepWindows<K, V, S>(
  text: string,
  windows: readonly WindowState<S>[],
  { stores, setTimer, clearTimer }: Pick<Context<K, V, S>, 'stores' | 'setTimer' | 'clearTimer'>,
  life: WindowLife,
  at: { readonly watermark: number; readonly timestamp: number },
): void {
  if (windows.length === 0) {
    stores.windows.delete(text, at.timestamp);
    clearTimer(text);
    return;
  }
  stores.windows.put(text, windows, at.timestamp);
  let due = Number.POSITIVE_INFINITY;
  let earliest = Number.POSITIVE_INFINITY;
  for (const { endMs, timestamp } of windows) {
    const closes = life.closesAt(endMs);
    const isOpen = life.emitsOnClose && closes > at.watermark;
    due = Math.min(due, isOpen ? closes : life.removedAt(endMs));
    if (isOpen) earliest = Math.min(earliest, timestamp);
  }
  setTimer(text, due, earliest);
}

/** What a key's timer does: emits the windows that close, where they are to be, and removes those that are due. */
export function expireWindows<K, V, S>(
  key: KeySerde<K>,
  text: string,
  dueMs: number,
  context: Pick<Context<K, V, S>, 'stores' | 'setTimer' | 'clearTimer' | 'emit'>,
  life: WindowLife,
): void {
  const windows = context.stores.windows.get(text) as readonly WindowState<S>[] | undefined;
  if (windows === undefined) return;
  if (life.emitsOnClose) {
    for (const { startMs, endMs, value, timestamp } of windows) {
      if (life.closesAt(endMs) !== dueMs) continue;
      const windowed: Windowed<K> = { key: key.fromText(text), startMs, endMs };
      context.emit('records', windowed, value, timestamp);
    }
  }
  const kept = windows.filter(({ endMs }) => life.removedAt(endMs) > dueMs);
  keepWindows(text, kept, context, life, { watermark: dueMs, timestamp: dueMs });
}
