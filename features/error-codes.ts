/** The error codes of the feature views. */
import { type CodesOf, fixInput, giveUp } from '#platform';

export const FEATURES_ERRORS = {
  MR_FEATURES_DECLARATION: giveUp`A version of a view is declared otherwise than when its rows were made.
    Raise the version of the view.`,
  MR_FEATURES_STATE_MALFORMED: giveUp`The bytes of a view row are damaged.
    Rebuild the view from its source topic.`,
  MR_FEATURES_STATE_VERSION: giveUp`A view row was written by another version of the view.
    Build the view again under a new generation.`,
  MR_MODEL_FEATURE: fixInput`A model from outside reads a feature that no view declares, or of another version.
    Train it on features that \`millrace features\` lists, and name the versions of their views.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof FEATURES_ERRORS> {}
}
