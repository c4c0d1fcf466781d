import { errorCode, type HttpServer, type MillraceError, sendProblem } from '#platform';
import type { ExplainOptions, Explanation } from './explainer.ts';
import { explain } from './operations.ts';

type Explaining = {
  explain(requestId: string, itemId: string, options: ExplainOptions): Promise<Explanation>;
};

/** `GET /explain/:request_id/:item_id?ts=...&user_id=...` */
export function registerExplainRoute({ serve }: HttpServer, responder: Explaining): void {
  serve(explain, async ({ params, query: { ts, user_id: userId }, reply }) => {
    try {
      return await responder.explain(params.request_id, params.item_id, { ts, userId });
    } catch (error) {
      if (errorCode(error) !== 'MR_EXPLAIN_NOT_FOUND') throw error;
      return sendProblem(reply, 404, error as MillraceError);
    }
  });
}
