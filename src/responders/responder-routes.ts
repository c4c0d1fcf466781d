/** The routes of answers: what clients send, as calls of the responder. */
import { type HttpRequest, type HttpServer, InputError, traceparentOf } from '#platform';
import { rank, recommend, recommendMany, similar } from './operations.ts';
import { noDetails, type RequestDetails } from './request.ts';
import type { Responder } from './responder.ts';
import { OVERLOADED } from './serving/admission.ts';

/** Longest time that a request may ask for, in deadlines of the configuration. */
const LONGEST = 10;

type Answering = {
  /** Time for an answer where the client says nothing, ms. */
  readonly deadlineMs: number;
  /** Whether a request that comes now is refused. */
  readonly isRefused: () => boolean;
};

/** `GET /recommend/:user_id`, `POST /recommend`, `POST /rank`, `GET /similar/:item_id`. */
export function registerAnswerRoutes(
  server: HttpServer,
  responder: Responder,
  { deadlineMs, isRefused }: Answering,
): void {
  const longestMs = LONGEST * deadlineMs;
  const timeOf = ({ headers }: HttpRequest) => givenTime(headers['x-deadline-ms'], longestMs);
  server.serve(recommend, ({ params, query: { k, device, country, language, ...said }, request }) => {
    const context = { device, country, language };
    const details = detailsOf({ context, ...said });
    const named = { requestId: request.id, traceparent: traceparentOf(request) };
    return responder.recommend(params.user_id, { k, ...named, ...timeOf(request), ...details });
  });
  server.serve(recommendMany, async ({ body, request }) => {
    const requests = body.requests.map(({ user_id, recent_items = [], request_id, k, ...said }) => ({
      recipient: user_id === undefined ? { recentItems: recent_items } : { userId: user_id },
      k,
      ...(request_id && { requestId: request_id }),
      traceparent: traceparentOf(request),
      ...detailsOf(said),
    }));
    return { answers: await responder.recommendMany(requests, timeOf(request)) };
  });
  server.serve(rank, ({ body: { user_id, items, context }, request }) =>
    responder.rank(user_id, items, {
      requestId: request.id,
      ...timeOf(request),
      ...(context && { context }),
    }),
  );
  server.serve(similar, ({ params, query: { k } }) => responder.similar(params.item_id, k));
  for (const operation of [recommend, recommendMany, rank])
    server.refuseEarly(operation, OVERLOADED, isRefused);
}

/** What header x-deadline-ms says, up to the longest time. Errors: InputError MR_RECOMMEND_TIME. */
function givenTime(
  header: string | readonly string[] | undefined,
  longestMs: number,
): { readonly deadlineMs?: number } {
  if (header === undefined) return {};
  if (typeof header === 'string' && /^[1-9]\d{0,8}$/.test(header)) {
    return { deadlineMs: Math.min(Number(header), longestMs) };
  }
  throw new InputError(
    'MR_RECOMMEND_TIME',
    'Header x-deadline-ms is not a whole number of milliseconds from 1.',
    {
      hint: 'Correct or omit it.',
    },
  );
}

/** What a client has said of a request, as routes have it. */
type Said = {
  readonly context?: RequestDetails['context'] | undefined;
  readonly session_id?: string | undefined;
  readonly current_item?: string | undefined;
  readonly category?: string | undefined;
  readonly filters?:
    | {
        readonly languages?: readonly string[] | undefined;
        readonly max_age_days?: number | undefined;
        readonly allow?: readonly string[] | undefined;
        readonly deny?: readonly string[] | undefined;
      }
    | undefined;
};

function detailsOf({ context, session_id, current_item, category, filters = {} }: Said): RequestDetails {
  return {
    context: context ?? noDetails.context,
    sessionId: session_id ?? null,
    currentItem: current_item ?? null,
    category: category ?? null,
    languages: filters.languages ?? null,
    maxAgeDays: filters.max_age_days ?? null,
    allow: filters.allow ?? null,
    deny: filters.deny ?? [],
  };
}
