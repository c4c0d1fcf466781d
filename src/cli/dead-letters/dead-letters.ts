/** `millrace dead-letters`: the records that could not be processed. */
import type { Command } from 'commander';
import { dropCommand, retryCommand } from './dead-letters-decide.ts';
import { listCommand } from './dead-letters-list.ts';
import { showCommand } from './dead-letters-show.ts';

export function deadLettersCommand(command: Command): Command {
  return command
    .enablePositionalOptions()
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(retryCommand())
    .addCommand(dropCommand());
}
