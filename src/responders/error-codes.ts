/** The error codes of the responders. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const RESPONDERS_ERRORS = {
  MR_EXPLAIN_BUSY: retry`Too many explanations are being made.
    Ask again in a moment; explanations are made one at a time.`,
  MR_EXPLAIN_NOT_FOUND: fixInput`Topic answers has no such answer where it was looked for, or its user has opted out or was erased.
    State about when it was given, and to whom; the message says what was searched.`,
  MR_FEATURES_ENTITY: fixInput`A feature request names no user or item.
    Name a user, items or both, as the view requires.`,
  MR_FEATURES_REQUEST: fixInput`A feature request is malformed, contains an invalid id, or names more than 1,000 items.
    Correct what the message names.`,
  MR_FEATURES_TTL: fixConfiguration`Option features.ttlMs names a view or a feature that does not exist.
    Write view and feature as "millrace features show" prints them, joined by a dot.`,
  MR_FEATURES_UNKNOWN_VIEW: fixInput`There is no feature view with this name.
    Choose one that "millrace features" lists.`,
  MR_INFERENCE_ENDED: giveUp`The thread that runs the model ended.
    The version is reloaded automatically; report what the log says.`,
  MR_RECOMMEND_CONTEXT: fixInput`The device in a request is not one that events can carry, or another part of the context is not a string.
    Send device, country and language as events carry them, or omit them.`,
  MR_RECOMMEND_DEADLINE: retry`An answer was made without what was not there in time: the user's rows, the version's items or the ranker.
    Nothing, once in a while; add responders, or raise option recommend.deadlineMs, where it happens often.`,
  MR_RECOMMEND_K: fixInput`The number of requested items is out of range.
    Request 1 to 100.`,
  MR_RECOMMEND_NO_VERSION: retry`An answer was made without a version, because none is in use: of popular items, or by a ranker alone.
    Wait while a start trains its first one; otherwise run "millrace train", or look at what "millrace versions" says.`,
  MR_RECOMMEND_OVERLOADED: retry`More answers are requested than can be computed before their deadlines.
    Retry after the time in the header retry-after, or add responders.`,
  MR_RECOMMEND_REQUEST: fixInput`A request id is empty, too long, or contains control characters.
    Omit it to have one generated.`,
  MR_RECOMMEND_TIME: fixInput`Header x-deadline-ms is not a whole number of milliseconds from 1.
    Correct it, or omit it for the time of option recommend.deadlineMs.`,
  MR_REDIS_REFUSED: fixConfiguration`Redis rejects the password, the database or a command, or is configured to evict rows.
    Correct the address in option views, or the Redis setting that the message names.`,
  MR_REDIS_UNAVAILABLE: retry`Redis does not respond, or accepts no writes at the moment.
    Retry; nothing is lost, and the views are rebuilt from the log where necessary.`,
  MR_REDIS_URL: fixConfiguration`The address of Redis is malformed.
    Write redis://HOST:PORT/DATABASE, or rediss:// for TLS.`,
  MR_RESPONDER_CLOSED: retry`The responder is closing.
    Use another one.`,
  MR_SIMILAR_ITEM: fixInput`Items similar to an unknown item were requested.
    Request an item that is on topic items.`,
  MR_SIMILAR_MODEL: fixInput`The model of the version in use does not provide similar items.
    Train and promote one that does: docs/MODELS.md lists them.`,
  MR_VIEWS_CHANGED: retry`The rows that a view writer maintains were sealed, removed, or replaced by older ones.
    Nothing to do: the writer continues from what Redis holds, or rebuilds them.`,
  MR_VIEWS_FOREIGN: fixConfiguration`The namespace of the views in Redis belongs to another log.
    Omit ?namespace= in option views, or choose another one.`,
  MR_VIEWS_NOT_BUILT: retry`The views in Redis are missing or incomplete.
    Wait until a writer has built them from the log.`,
  MR_VIEWS_ROW_DAMAGED: fixInput`A value in Redis is not a view row; it is counted and skipped.
    Find out who else writes to the views' namespace, and rebuild the views.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof RESPONDERS_ERRORS> {}
}
