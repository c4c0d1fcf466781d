/** Features of a moment: they follow from the event or the request alone, and no view keeps them. */
import type { ContextFeatures, InteractionContext } from '#schemas';
import { hourOfDay, weekday } from './aggregations/histogram.ts';

/** `sessionPosition` is the number of events of the session that is open at `ts`, before it. */
export function contextFeatures(
  { ts, context }: { readonly ts: number; readonly context: InteractionContext },
  sessionPosition: number,
): ContextFeatures {
  const { device, country, language } = context;
  return {
    hour: hourOfDay(ts),
    weekday: weekday(ts),
    device,
    country,
    language,
    session_position: sessionPosition,
  };
}
