/** The error codes of the feature views. */
import { type CodesOf, fixInput, giveUp } from '#platform';

export const FEATURES_ERRORS = {
  MR_FEATURES_DECLARATION: giveUp`A version of a view is declared differently than when its rows were computed.
    Raise the version of the view.`,
  MR_FEATURES_STATE_MALFORMED: giveUp`The bytes of a view row are damaged.
    Rebuild the view from its source topic.`,
  MR_FEATURES_STATE_VERSION: giveUp`A view row was written by another version of the view.
    Rebuild the view under a new generation.`,
  MR_MODEL_FEATURE: fixInput`An external model reads a feature that no view declares, or that has another version.
    Train it on features that \`millrace features\` lists, and name the versions of their views.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof FEATURES_ERRORS> {}
}
