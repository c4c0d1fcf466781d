/** `millrace rotate-key`: the vault of pseudonyms under another master key. */

import type { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { ConfigurationError, systemClock } from '#platform';
import { openInstalledVault, withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped } from '../output.ts';

export function rotateKeyCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace rotate-key', 'seals the vault under a new key'],
      ['millrace rotate-key --json', 'the same, as one line'],
    ],
    notes: `
Users keep their pseudonyms, and nothing stops meanwhile; the same command completes an interrupted rotation.
With privacy.masterKey, first set privacy.nextMasterKey to the new key in every process on the log; without it, the new
key is generated in the data directory.`,
    run: rotate,
  });
}

async function rotate({ configuration, output }: Invocation<object>): Promise<number> {
  const { log, privacy } = configuration;
  if (privacy.userIds === 'as-given') {
    throw usageError('Users are on the log by their own ids: there is no vault.', 'Nothing is to be done.');
  }
  if (log !== 'embedded' && privacy.masterKey === undefined) {
    throw new ConfigurationError(
      'MR_PRIVACY_MASTER_KEY',
      'Other processes could not find a new key that is a file here.',
      {
        hint: 'Set privacy.masterKey in every process to the content of pseudonyms.key in base64, and privacy.nextMasterKey to the new key; then rotate.',
      },
    );
  }
  return withInstallation(configuration, async (installation, shutdown) => {
    const { log, topics } = installation;
    const vault = await openInstalledVault(installation, shutdown);
    const { users } = await vault.check(shutdown.signal);
    const step = commandProgress(output, shutdown.signal).start('Sealing keys', users);
    const act = { act: 'rotate-key', actor: operatorOfThisMachine(), subject: 'vault' };
    const { todo, ...rotation } = await audited({ log, topics, clock: systemClock }, act, () =>
      vault.rotateMasterKey({ onProgress: (sealed) => step.update(sealed), signal: shutdown.signal }),
    );
    step.done();
    if (output.json) {
      output.value({ ...rotation, todo: todo ?? null });
      return EXIT.done;
    }
    const { sealed, masterKey, damaged } = rotation;
    output.line(`${grouped(sealed)} keys were sealed under master key ${masterKey}.`);
    if (damaged > 0) output.line(`${grouped(damaged)} damaged keys stay as they are: millrace verify.`);
    if (todo !== undefined) output.line(`Next: ${todo}`);
    return EXIT.done;
  });
}
