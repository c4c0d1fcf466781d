import { modelNamed, modelSettings } from '#models';
import { rankingColumns } from './features.ts';

/**
 * Refuses rankers whose configuration names columns that no snapshot has: MR_MODEL_CONFIG. What views of modules have is known
 * when these are loaded, and checked by the training.
 */
export function requireKnownColumns(declared: Readonly<Record<string, unknown>>): void {
  const modules = declared['features.modules'];
  if (Array.isArray(modules) && modules.length > 0) return;
  for (const [name, config] of Object.entries(modelSettings(declared).configOf)) {
    const model = modelNamed(name);
    if (model.role === 'ranking') model.checkColumns?.(config, rankingColumns);
  }
}
