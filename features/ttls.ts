import type { AnyView } from './view.ts';

/** Ms by `<view>.<feature>`: how old a row may be before the feature falls back to its default. Over what views declare. */
export type FeatureTtls = { readonly [viewAndFeature: string]: number };

/** The view as it is read under these ttls. Those of other views, and of features that it does not have, say nothing of it. */
export function withTtls<View extends AnyView>(view: View, ttlMs: FeatureTtls): View {
  const own = view.columns.flatMap(({ name }) => {
    const ms = ttlMs[`${view.name}.${name}`];
    return ms === undefined ? [] : [[name, ms] as const];
  });
  return own.length === 0 ? view : (view.withFeatureTtls(Object.fromEntries(own)) as View);
}
