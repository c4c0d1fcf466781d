/** The options of feature views. */
import { count, onOff, option, text, z } from '#platform/configuration';

export const FEATURES_OPTIONS = {
  features: {
    modules: option(z.array(text()).default([]))`
      Modules that declare feature views of your own, or new versions of others: paths from the working directory.`,
    ttlMs: option(z.record(z.string(), count()).default({}))`
      Maximum age of rows for single features when answering, ms by \`view.feature\`; older than that, the feature falls
      back to its default. Overrides what the views declare.`,
    publishRows: option(onOff().default('off'))`
      Whether each view's rows are also published as records of their features, on topic \`<view>-<version>-rows\`, for
      consumers outside Millrace.`,
  },
};
