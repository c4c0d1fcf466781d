/** A log that is gone, while what only a log leads to is still there. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FatalError } from '#platform';
import type { Configuration } from './configuration.ts';

/**
 * Made after the log's file. Versions, snapshots and the archive are no sign: they lie in the data directory of a log on Kafka
 * too, which may be copied here.
 */
const SIGNS = ['state', 'world.json', 'pseudonyms-view.sqlite'];

/**
 * Refuses to begin a log where another one was: users, events and versions would be gone without a word. Errors: FatalError
 * MR_LOG_LOST.
 */
export function refuseLostLog({ data, log }: Pick<Configuration, 'data' | 'log'>): void {
  if (log !== 'embedded') return;
  const size = statSync(join(data, 'log.sqlite'), { throwIfNoEntry: false })?.size;
  if (size !== undefined && size > 0) return;
  const signs = SIGNS.filter((name) => isThere(join(data, name)));
  if (signs.length === 0) return;
  const problem = `log.sqlite in ${data} is ${size === 0 ? 'empty' : 'missing'}, but ${signs.join(', ')} of its log`;
  throw new FatalError('MR_LOG_LOST', `${problem} ${signs.length === 1 ? 'is' : 'are'} there.`, {
    hint: 'Put log.sqlite back, or run "millrace restore" where there is a backup; begin anew in another directory with --data DIR.',
  });
}

/** An empty directory is no sign. */
function isThere(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && (!found.isDirectory() || readdirSync(path).length > 0);
}
