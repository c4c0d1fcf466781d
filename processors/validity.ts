import { type Interaction, type InteractionKind, invalidIdReason } from '#schemas';

/** Sums over millions of events stay exact integers under these. */
const MAX_WATCH_MS = 86_400_000;
const MAX_AMOUNT = 1_000_000_000;

/** The range of `value` for the kinds that carry one. */
const VALUE_RANGES: { readonly [K in InteractionKind]?: readonly [least: number, most: number] } = {
  // MovieLens gives half stars, from one half on.
  rating: [0.5, 5],
  quiz_score: [0, 1],
  purchase: [0, MAX_AMOUNT],
};

/** What is wrong with an event beyond its schema; undefined when nothing is. */
export function invalidReason(event: Interaction): string | undefined {
  return invalidId(event) ?? invalidMeasure(event) ?? invalidContext(event);
}

function invalidId(event: Interaction): string | undefined {
  const { event_id, user_id, item_id, session_id, request_id } = event;
  return (
    wrongId('event_id', event_id) ??
    wrongId('user_id', user_id) ??
    wrongId('item_id', item_id) ??
    wrongId('session_id', session_id) ??
    wrongId('request_id', request_id) ??
    (item_id === null && event.kind !== 'search' ? `a ${event.kind} needs an item_id` : undefined)
  );
}

function wrongId(field: string, id: string | null): string | undefined {
  const reason = id === null ? undefined : invalidIdReason(id);
  return reason === undefined ? undefined : `${field} ${reason}`;
}

function invalidMeasure(event: Interaction): string | undefined {
  if (!Number.isSafeInteger(event.ts) || event.ts < 0)
    return `ts must be milliseconds since 1970, it is ${event.ts}`;
  if (event.watch_ms !== null && !(event.watch_ms >= 0 && event.watch_ms <= MAX_WATCH_MS)) {
    return `watch_ms must lie between 0 and ${MAX_WATCH_MS}, it is ${event.watch_ms}`;
  }
  const required = VALUE_RANGES[event.kind];
  if (required !== undefined && event.value === null) return `a ${event.kind} needs a value`;
  const [least, most] = required ?? [-MAX_AMOUNT, MAX_AMOUNT];
  if (event.value !== null && !(event.value >= least && event.value <= most)) {
    return `the value of a ${event.kind} must lie between ${least} and ${most}, it is ${event.value}`;
  }
  return undefined;
}

function invalidContext({ context }: Interaction): string | undefined {
  if (context.country !== null && !/^[A-Z]{2}$/.test(context.country)) {
    return 'context.country must be an ISO 3166-1 code of two capital letters';
  }
  if (context.language !== null && !/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(context.language)) {
    return 'context.language must be a BCP 47 tag such as en or pt-BR';
  }
  return undefined;
}
