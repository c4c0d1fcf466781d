import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Imports a module that the user has written, by its path from the working directory. Errors: what `refuse` makes of the
 * end of a sentence that begins with the module.
 */
export async function importUserModule(
  path: string,
  refuse: (what: string, cause?: unknown) => unknown,
): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(path)) throw refuse('does not exist');
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n');
    throw refuse(`cannot be loaded: ${reason}`, cause);
  }
}
