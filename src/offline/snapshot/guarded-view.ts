/** Views whose code is not ours: what they throw or return reaches a snapshot as an error that names the view. */
import { type AnyView, type FeatureColumn, type FeatureKind, isKeyOfUser } from '#features';
import { FatalError } from '#platform';

type BaseKind = 'long' | 'double' | 'string';

const isOf: Readonly<Record<BaseKind, (value: unknown) => boolean>> = {
  long: Number.isSafeInteger,
  double: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
};

/**
 * The view with FatalError MR_SNAPSHOT_VIEW for what its functions throw, a row that is not as declared, and a key that is
 * not its user's: topologies send such events to the dead letters, so rows that are served lack them.
 */
export function guarded(view: AnyView): AnyView {
  const calling = <R>(call: () => R): R => {
    try {
      return call();
    } catch (error) {
      throw unusable(view, `throws: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  };
  return {
    ...view,
    filter: (event) => calling(() => view.filter(event)),
    key: (event) => {
      const key = calling(() => view.key(event));
      if (view.entity !== 'item' && !isKeyOfUser(view.entity, key, event.user_id)) {
        throw unusable(view, "gives an event a key that is not its user's");
      }
      return key;
    },
    add: (state, event) => calling(() => view.add(state, event)),
    finish: (state, now) => {
      const row = calling(() => view.finish(state, now));
      const wrong = view.columns.find((column) => !fits(column, row?.[column.name]));
      if (wrong !== undefined)
        throw unusable(view, `gives feature ${wrong.name} a value that is not ${wrong.kind}`);
      return row;
    },
  };
}

function fits({ kind }: FeatureColumn, value: unknown): boolean {
  const is = isOf[baseOf(kind)];
  if (kind.endsWith('[]')) return Array.isArray(value) && value.every(is);
  return is(value) || (value === null && kind.endsWith('?'));
}

function baseOf(kind: FeatureKind): BaseKind {
  return kind.replace(/\?|\[\]$/, '') as BaseKind;
}

function unusable({ name, version }: AnyView, what: string, cause?: unknown): FatalError {
  return new FatalError('MR_SNAPSHOT_VIEW', `View ${name} version ${version} ${what}.`, {
    hint: 'Correct the module of the view, or take it out of features.modules.',
    ...(cause !== undefined && { cause }),
  });
}
