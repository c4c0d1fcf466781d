import { type AnyView, featureViews, recordViews } from '#features';
import { InputError } from '#platform';
import { viewsOfModules } from '#processing';
import type { Configuration } from '#service/configuration';

export type DeclaredView = AnyView | (typeof recordViews)[number];

/** Views of the product and of the modules that the configuration names. Errors: MR_FEATURES_MODULE. */
export async function declaredViews({ features }: Configuration): Promise<readonly DeclaredView[]> {
  return [...featureViews, ...recordViews, ...(await viewsOfModules(features.modules))];
}

/** The newest version of the view of this name. Errors: InputError MR_FEATURES_UNKNOWN_VIEW, MR_FEATURES_MODULE. */
export async function viewNamed(configuration: Configuration, name: string): Promise<DeclaredView> {
  const views = await declaredViews(configuration);
  const named = views.filter((each) => each.name === name);
  const [newest] = named.sort((a, b) => b.version - a.version);
  if (newest !== undefined) return newest;
  throw new InputError('MR_FEATURES_UNKNOWN_VIEW', `There is no feature view ${name}.`, {
    hint: `Name one of ${[...new Set(views.map((each) => each.name))].join(', ')}.`,
  });
}
