/**
 * The `millrace` command: one file a command, wired here. The only room that knows all others; it holds no logic of
 * theirs. Importing this file runs the command line of the process.
 */
import { Command } from 'commander';
import { copyCommand } from './copy.ts';
import { eraseCommand } from './erase.ts';
import { eventsCommand } from './events-tail.ts';
import { reportFailure } from './failure.ts';
import { featuresCommand } from './features.ts';
import { importCommand } from './import-movielens.ts';
import { optInCommand, optOutCommand } from './opt-out.ts';
import { promoteCommand, rollbackCommand } from './promote.ts';
import { recommendCommand } from './recommend.ts';
import { runsCommand } from './runs.ts';
import { snapshotCommand } from './snapshot.ts';
import { sqlCommand } from './sql.ts';
import { startCommand } from './start.ts';
import { topicsCommand } from './topics.ts';
import { topologyCommand } from './topology.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';
import { versionsCommand } from './versions.ts';

function millrace(): Command {
  const program = new Command('millrace')
    .description('Event-sourced stream processor and recommender.')
    .helpCommand('help [command]', 'show the help of a command')
    // Else options behind "versions show" would be those of "versions".
    .enablePositionalOptions()
    .showHelpAfterError(false)
    // An option belongs to the command that it follows: `features` and `features get` both have --json.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Examples:
  $ millrace start                          # a simulated world, live, on http://127.0.0.1:8080
  $ millrace import movielens DIR           # MovieLens 100K instead, then: millrace train
  $ millrace recommend 42 -k 5              # what it would recommend to user 42

Data lies in .millrace, or where --data DIR says. "millrace COMMAND --help" tells more.
Exit codes: 0 done; 1 failed; 2 wrong usage, input or configuration; 130 interrupted.`,
    );
  for (const command of [
    startCommand(),
    importCommand(),
    snapshotCommand(),
    trainCommand(),
    runsCommand(),
    recommendCommand(),
    versionsCommand(),
    promoteCommand(),
    rollbackCommand(),
    topicsCommand(),
    topologyCommand(),
    featuresCommand(),
    sqlCommand(),
    verifyCommand(),
    eventsCommand(),
    copyCommand(),
    optOutCommand(),
    optInCommand(),
    eraseCommand(),
  ]) {
    program.addCommand(command);
  }
  return quietOnErrors(program);
}

/** Errors are thrown, to be printed as all others are. */
function quietOnErrors(command: Command): Command {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const each of command.commands) quietOnErrors(each);
  return command;
}

async function main(args: readonly string[]): Promise<void> {
  try {
    const program = millrace();
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    const level = args[args.indexOf('--log-level') + 1];
    process.exitCode = reportFailure(error, {
      json: args.includes('--json'),
      debug: args.includes('--log-level=debug') || (args.includes('--log-level') && level === 'debug'),
    });
  }
}

await main(process.argv.slice(2));
