/** `millrace features drop NAME VERSION`: removes a version of a view that nothing declares any more. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { versionedName } from '#features';
import { InputError, lockDirectory, systemClock } from '#platform';
import { openExistingInstallation, withShutdown } from '#service';
import { dropVersion, readViewVersions } from '#view-builds';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { declaredViews } from './view-names.ts';

export function dropCommand(): Command {
  return defineCommand({
    command: new Command('drop')
      .description('Delete the rows of a view version that is no longer declared.')
      .argument('<view>', 'its name')
      .argument('<version>', 'its version', wholeNumber(1, 1_000_000)),
    examples: [['millrace features drop user-trends 1', 'once version 2 has replaced it']],
    notes:
      'Deletes its topics and its state. First remove it from features.modules and stop "millrace start".',
    run: (invocation, [name = '', version = '']) => drop(invocation, name, Number(version)),
  });
}

async function drop(
  { configuration, output }: Invocation<object>,
  name: string,
  version: number,
): Promise<number> {
  return withShutdown(configuration, async (shutdown) => {
    const lock = lockDirectory(configuration.data, 'features drop');
    shutdown.add('data directory', async () => lock.release());
    const installation = await openExistingInstallation(configuration, shutdown);
    const full = versionedName({ name, version });
    const known = (await readViewVersions(installation)).get(full);
    if (known === undefined || known.status === 'dropped') throw unknownVersion(full);
    const declared = await declaredViews(configuration);
    if (declared.some((view) => versionedName(view) === full)) throw inUse(full);
    await dropVersion({ ...installation, clock: systemClock }, known);
    await rm(join(installation.directory, 'state', `view-${full}`), { recursive: true, force: true });
    if (output.json) output.value({ ...known, status: 'dropped' });
    else output.line(`Version ${version} of ${name} is dropped; its topics and its state were deleted.`);
    return EXIT.done;
  });
}

function unknownVersion(name: string): InputError {
  return new InputError('MR_FEATURES_UNKNOWN_VIEW', `There is no ${name} to drop.`, {
    hint: '"millrace features show NAME" lists the versions of a view.',
  });
}

function inUse(name: string): InputError {
  return new InputError('MR_FEATURES_IN_USE', `${name} is declared, so it would be rebuilt.`, {
    hint: 'Remove its module from features.modules first.',
  });
}
