/** Whether a snapshot can be learned from at all. */
import { join } from 'node:path';
import { type AnyView, featureViews } from '#features';
import type { AnalyticDatabase } from '#offline';
import { FatalError, fileProblem, InputError } from '#platform';
import type { Snapshot } from '#schemas';
import type { ExampleView } from './lesson.ts';
import { momentFields } from './moments.ts';

/** What training reads of each table. */
const columns = {
  examples: [
    ...['event_id', 'user_id', 'item_id', 'ts', 'weight', 'split', 'is_repeat', 'user_recent_items'],
    ...momentFields.map((field) => `context_${field}`),
  ],
  items: ['item_id', 'type', 'title', 'category', 'tags', 'language', 'difficulty', 'duration_ms'],
  users: ['user_id', 'age', 'gender', 'occupation', 'country'],
};

/** Refuses a snapshot one of whose files is not the one that was written: FatalError MR_SNAPSHOT_CORRUPT. */
export async function verifyFiles(directory: string, { files }: Snapshot): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.name);
    const problem = await fileProblem(path, file);
    if (problem === undefined) continue;
    throw new FatalError('MR_SNAPSHOT_CORRUPT', `The snapshot's file ${path} ${problem}.`, {
      hint: 'Take a new snapshot: run `millrace train`.',
    });
  }
}

/**
 * Refuses a snapshot whose features are not those that answers are made from now: InputError MR_TRAINING_FEATURES. A
 * snapshot of before declarations were noted goes by the versions of its views.
 */
export function refuseOtherFeatures({ snapshot_id: id, views }: Snapshot): void {
  for (const { name, version, declaration } of featureViews) {
    const taken = views.find((view) => view.name === name);
    if (taken === undefined) throw otherFeatures(id, `has no features of view ${name}`);
    if (taken.version !== version) {
      throw otherFeatures(id, `has features of ${name} in version ${taken.version}; answers use ${version}`);
    }
    if (taken.declaration !== '' && taken.declaration !== declaration) {
      throw otherFeatures(id, `has features of an earlier declaration of ${name}`);
    }
  }
}

/** Those views of modules whose rows a snapshot has as they are declared now, without what another thread can't have. */
export function viewsIn({ views }: Snapshot, modules: readonly AnyView[] = []): ExampleView[] {
  const isAsThen = ({ name, version, declaration }: AnyView) =>
    views.some((each) => each.name === name && each.version === version && each.declaration === declaration);
  return modules.filter(isAsThen).map(({ name, version, entity, exampleField, columns }) => {
    return {
      name,
      version,
      entity,
      exampleField,
      columns: columns.map(({ name, kind }) => ({ name, kind })),
    };
  });
}

/** Refuses tables that lack a column (MR_TRAINING_FEATURES), and weights that are no numbers (MR_TRAINING_NOT_FINITE). */
export async function refuseUnreadable(database: AnalyticDatabase): Promise<void> {
  for (const [table, needed] of Object.entries(columns)) {
    const described = await database.rows<{ column_name: string }>(`DESCRIBE ${table}`);
    const there = new Set(described.map(({ column_name }) => column_name));
    const missing = needed.filter((name) => !there.has(name));
    if (missing.length > 0) {
      throw otherFeatures('in hand', `has no column ${missing.join(', ')} in ${table}.parquet`);
    }
  }
  const count = await database.number('SELECT count(*) FROM examples WHERE NOT isfinite(weight)');
  if (count === 0) return;
  throw new InputError('MR_TRAINING_NOT_FINITE', `The weight of ${count} examples is not a finite number.`, {
    hint: 'Look at the events that they came from, correct what computes their weight, and take a new snapshot.',
  });
}

function otherFeatures(id: string, problem: string): InputError {
  return new InputError('MR_TRAINING_FEATURES', `Snapshot ${id} ${problem}.`, {
    hint: 'Take a new snapshot: run `millrace train`.',
  });
}
