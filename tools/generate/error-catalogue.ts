/** The error codes of all rooms, as each declares them in its error-codes.ts. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorDescription } from '#platform';

export type CataloguedError = ErrorDescription & {
  readonly code: string;
  /** The declaring file. */
  readonly path: string;
};

const root = join(import.meta.dirname, '../..');

export const errorCatalogue: readonly CataloguedError[] = (
  await Promise.all(globSync('{src/,}*/error-codes.ts', { cwd: root }).toSorted().map(declaredIn))
).flat();

async function declaredIn(path: string): Promise<readonly CataloguedError[]> {
  const tables = (await import(join(root, path))) as Readonly<Record<string, object>>;
  return Object.values(tables)
    .flatMap((table) => Object.entries(table as Readonly<Record<string, ErrorDescription>>))
    .map(([code, description]) => ({ code, path, ...description }));
}
