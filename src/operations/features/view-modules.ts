import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyView, featureViews } from '#features';
import { ConfigurationError } from '#platform';

/**
 * The views that modules declare: each exports, under any name, what `defineView` gives. Errors: ConfigurationError
 * MR_FEATURES_MODULE for a module that can't be loaded or exports none, and for a name and version declared twice.
 */
export async function viewsOfModules(paths: readonly string[]): Promise<readonly AnyView[]> {
  const views: AnyView[] = [];
  const taken = new Set(featureViews.map(({ name, version }) => `${name}-${version}`));
  for (const path of paths) {
    const exported = Object.values(await load(path)).filter(isView);
    if (exported.length === 0) throw unusable(path, 'exports no feature view');
    for (const view of exported) {
      const name = `${view.name}-${view.version}`;
      if (taken.has(name)) throw unusable(path, `declares ${name}, which is declared already`);
      taken.add(name);
      views.push(view);
    }
  }
  return views;
}

async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unusable(path, `cannot be loaded: ${reason}`, cause);
  }
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
