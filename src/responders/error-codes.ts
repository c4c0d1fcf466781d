/** The error codes of the responders. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const RESPONDERS_ERRORS = {
  MR_FEATURES_ENTITY: fixInput`Features were asked for without naming whose.
    Name a user, items or both, as the view needs them.`,
  MR_FEATURES_REQUEST: fixInput`A question for features is malformed, names an id that is none, or more than 1,000 items.
    Correct what the message names.`,
  MR_FEATURES_TTL: fixConfiguration`Option features.ttlMs names a view or a feature that there is not.
    Name view and feature as "millrace features show" does, joined by a dot.`,
  MR_FEATURES_UNKNOWN_VIEW: fixInput`There is no feature view of this name.
    Name one that "millrace features" lists.`,
  MR_INFERENCE_ENDED: giveUp`The thread of a model that answers are made with has ended.
    The version is loaded again by itself; report what the log says.`,
  MR_RECOMMEND_CONTEXT: fixInput`The device that an answer is asked for is none that events can carry, or another part of the context is no text.
    Give device, country and language as events carry them, or leave them out.`,
  MR_RECOMMEND_K: fixInput`More or fewer items were asked for than an answer can have.
    Ask for 1 to 100.`,
  MR_RECOMMEND_REQUEST: fixInput`A request id is empty, too long, or holds control characters.
    Leave it out to have one made.`,
  MR_REDIS_REFUSED: fixConfiguration`Redis refuses the password, the database or a command, or may drop rows.
    Correct the address of the views or the settings of Redis that the message names.`,
  MR_REDIS_UNAVAILABLE: retry`Redis does not answer, or takes nothing at the moment.
    Try again; nothing is lost, the views are rebuilt from the log where they must be.`,
  MR_REDIS_URL: fixConfiguration`The address of Redis is not one.
    Write redis://HOST:PORT/DATABASE, or rediss:// for TLS.`,
  MR_RESPONDER_CLOSED: retry`The responder is closing.
    Ask another one.`,
  MR_SIMILAR_ITEM: fixInput`Items like one that the catalogue does not have were requested.
    Ask for an item that topic items has.`,
  MR_SIMILAR_MODEL: fixInput`The version in use is of a model that does not say which items are alike.
    Train and promote a model that does: docs/MODELS.md lists them.`,
  MR_VIEWS_CHANGED: retry`The rows that a writer of views writes to were sealed, are gone or are older than it left them.
    Nothing: the writer goes on from what Redis holds, or builds them anew.`,
  MR_VIEWS_FOREIGN: fixConfiguration`The namespace of the views in Redis belongs to another log.
    Leave ?namespace= out of the option views, or name another one.`,
  MR_VIEWS_NOT_BUILT: retry`The views in Redis are not there, or not all of them.
    Wait until a writer has built them from the log.`,
  MR_VIEWS_ROW_DAMAGED: fixInput`A value in Redis is no row of a view; it is counted and left out.
    Find out who else writes below the namespace of the views; rebuild them.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof RESPONDERS_ERRORS> {}
}
