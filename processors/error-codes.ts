/** The error codes of the processors. */
import { type CodesOf, fixInput } from '#platform';

export const PROCESSORS_ERRORS = {
  MR_EVENT_FUTURE: fixInput`An event lies further in the future than admission allows.
    Correct the producer's clock; the limit is admission.futureMs.`,
  MR_EVENT_INVALID: fixInput`An event contradicts itself or its key.
    Correct the producer as the message says.`,
  MR_EVENT_NOT_PSEUDONYM: fixInput`An event on the log does not name its user by a pseudonym, as privacy.userIds requires: the user could not be found.
    Have the producer get pseudonyms from POST /pseudonyms, or post to /events.`,
  MR_EVENT_TOO_LATE: fixInput`An event is so late that a duplicate of it could not be recognised.
    Publish events sooner, or raise admission.dedupHorizonMs.`,
  MR_EVENT_UNKNOWN_ITEM: fixInput`An event names an item that is not in the catalogue, and admission.unknownItem refuses it.
    Publish the item to \`items\` first, then the event under a new id; or accept unknown items.`,
  MR_EVENT_UNKNOWN_USER: fixInput`An event is of a user without a profile, and admission.unknownUser refuses it.
    Publish the user to \`users\` first, then the event under a new id; or accept unknown users.`,
  MR_FEATURES_KEY: fixInput`A module's view gives an event a key that is not its user's.
    Key a user view by the user, and a crossed view by crossKey(event.user_id, ...).`,
  MR_VERSION_IN_FORCE: fixInput`The version is in force, or is the one that a rollback returns to.
    Promote another one first.`,
  MR_VERSION_NOT_IN_FORCE: fixInput`The version to roll back is not in force.
    Look at \`millrace versions\`: someone else may have rolled it back.`,
  MR_VERSION_NOT_PROMOTABLE: fixInput`The version was rejected by the gates, or archived.
    Train a better one, or correct the gates and restart: the version is then decided on again. Archived versions stay archived.`,
  MR_VERSION_NO_PREVIOUS: fixInput`There is no version to roll back to.
    Promote another one with \`millrace promote\`.`,
  MR_VERSION_UNKNOWN: fixInput`There is no such version.
    Choose one that \`millrace versions\` lists.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof PROCESSORS_ERRORS> {}
}
