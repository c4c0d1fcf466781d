/** A ranking that was shown: an answer with the positions, and impressions. */
import { type AnsweredItem, answerDefaults, answeredItemDefaults } from '#schemas';
import { eventOf } from '../events.ts';
import type { RowSink } from '../source.ts';

export type Ranking = {
  readonly request: string;
  readonly user: string;
  readonly session: string | null;
  readonly ts: number;
  /** In the order shown. */
  readonly items: readonly { readonly id: string; readonly score: number }[];
};

export function giveRanking({ request, user, session, ts, items }: Ranking, sink: RowSink): void {
  const answered = items.map(
    ({ id, score }): AnsweredItem => ({ ...answeredItemDefaults, item_id: id, score, source: 'index' }),
  );
  sink.answer({
    ...answerDefaults,
    request_id: request,
    user_id: user,
    ts,
    version: null,
    k: items.length,
    items: answered,
    latency_ms: 0,
  });
  for (const { id } of items) {
    sink.event(
      eventOf({
        user_id: user,
        item_id: id,
        kind: 'impression',
        session_id: session,
        request_id: request,
        ts,
      }),
    );
  }
}
