import { modelNamed, modelSettings } from '#models';
import { rankingColumns } from './features.ts';

/** Refuses rankers whose configuration names columns that no snapshot has: MR_MODEL_CONFIG. */
export function requireKnownColumns(declared: Readonly<Record<string, unknown>>): void {
  for (const [name, config] of Object.entries(modelSettings(declared).configOf)) {
    const model = modelNamed(name);
    if (model.role === 'ranking') model.checkColumns?.(config, rankingColumns);
  }
}
