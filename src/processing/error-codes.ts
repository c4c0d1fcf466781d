/** The error codes of the threads that process. */
import { type CodesOf, fixConfiguration, giveUp } from '#platform';

export const PROCESSING_ERRORS = {
  MR_DATA_NEWER: fixConfiguration`The log is processed by a newer release, whose state this one can’t read.
    Start the newer release.`,
  MR_DATA_OUTDATED: fixConfiguration`The log was processed by an earlier release that kept no record of its state.
    Start a new data directory, and publish or import the events again.`,
  MR_FEATURES_MODULE: fixConfiguration`A module of features.modules cannot be loaded, declares no view, or declares one that exists already.
    Export what defineView returns, with a name and version of its own.`,
  MR_PROCESSING_FAILED: giveUp`The thread that runs the processors ended.
    Restart: processing resumes from the last commit; the message names what ended it.`,
  MR_TOPOLOGY_CLASH: fixConfiguration`A topology of your own has the name of one of the product’s, or writes to a topic that the product’s own processes write.
    Give it and its topics other names; any topic may be read.`,
  MR_TOPOLOGY_MODULE: fixConfiguration`The module given to millrace run cannot be loaded, or its default export is no topology.
    Export a topology, or a function that returns one, as default.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof PROCESSING_ERRORS> {}
}
