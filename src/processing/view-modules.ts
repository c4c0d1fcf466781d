import { type AnyView, featureViews, recordViews, versionedName } from '#features';
import type { OpenedLog } from '#log';
import { ConfigurationError, importUserModule } from '#platform';
import { type OpenedView, openViewTopic } from '#topologies';

/** What rows are read by online that are not aggregated from events. */
const otherNames: ReadonlySet<string> = new Set([
  ...recordViews.map(({ name }) => name),
  'popularity-rank',
  'context',
]);

/**
 * The views that modules declare: each exports, under any name, what `defineView` gives. Errors: ConfigurationError
 * MR_FEATURES_MODULE for a module that can't be loaded or exports none, and for a name and version declared twice.
 */
export async function viewsOfModules(paths: readonly string[]): Promise<readonly AnyView[]> {
  const views: AnyView[] = [];
  const taken = new Set(featureViews.map(versionedName));
  for (const path of paths) {
    const refuse = (what: string, cause?: unknown) => unusable(path, what, cause);
    const exported = Object.values(await importUserModule(path, refuse)).filter(isView);
    if (exported.length === 0) throw unusable(path, 'exports no feature view');
    for (const view of exported) {
      const name = versionedName(view);
      if (otherNames.has(view.name))
        throw unusable(path, `declares ${view.name}, which is no view of events`);
      if (taken.has(name)) throw unusable(path, `declares ${name}, which is declared already`);
      taken.add(name);
      views.push(view);
    }
  }
  return views;
}

/** The same, each with the topic of its rows, which is made where it is missing. Errors: those of openViewTopic, too. */
export async function openViewsOfModules(
  { log, registry }: Pick<OpenedLog, 'log' | 'registry'>,
  paths: readonly string[],
): Promise<readonly OpenedView[]> {
  const views = await viewsOfModules(paths);
  return Promise.all(views.map(async (view) => ({ view, topic: await openViewTopic(log, registry, view) })));
}

function isView(exported: unknown): exported is AnyView {
  return (
    typeof exported === 'object' &&
    exported !== null &&
    'declaration' in exported &&
    'columns' in exported &&
    'finish' in exported
  );
}

function unusable(path: string, what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('MR_FEATURES_MODULE', `The module ${path} ${what}.`, {
    hint: 'Export what defineView gives, under a name and version of its own: see docs/FEATURES.md.',
    ...(cause !== undefined && { cause }),
  });
}
