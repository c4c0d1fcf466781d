/**
 * The `millrace` command, wired here. Its room is the only one that knows all others; it holds no logic of theirs.
 * Importing this file runs the command line of the process.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { commands } from './commands.ts';
// Help loses its reader too, as in `millrace --help | head`: this listens for that.
import './output.ts';

// Half of what a command costs to start is taking the types off its modules and compiling them. Threads and further
// processes read the variable. Where the directory cannot be written, each start compiles again.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
enableCompileCache(process.env.NODE_COMPILE_CACHE);

async function millrace(args: readonly string[]): Promise<Command> {
  const program = new Command('millrace')
    .description('Event-sourced stream processor and recommender.')
    .helpCommand('help [command]', 'show the help of a command')
    .showHelpAfterError(false)
    // An option belongs to the command that it follows: `features` and `features get` both have --json.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Examples:
  $ millrace start                          # a simulated world, live, on http://127.0.0.1:8080
  $ millrace import movielens DIR           # MovieLens instead, then: millrace train
  $ millrace recommend 42 -k 5              # what it would recommend to user 42

Data is kept in .millrace, or in the directory of --data. See also "millrace COMMAND --help".
Exit codes: 0 done; 1 failed; 2 wrong usage, input or configuration; 130 interrupted.`,
    );
  for (const { name, does, definition } of commands) {
    const command = new Command(name).description(does);
    program.addCommand(args.includes(name) ? (await definition())(command) : command);
  }
  return quietOnErrors(program);
}

/** Errors are thrown, to be printed as all others are. */
function quietOnErrors(command: Command): Command {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const each of command.commands) quietOnErrors(each);
  return command;
}

/** Node would print every field of an error that nobody catches; a library's may hold a password. */
async function crash(error: unknown): Promise<never> {
  const { reportFailure } = await import('./failure.ts');
  reportFailure(error, { json: process.argv.includes('--json'), debug: true });
  process.exit(1);
}

// Tests import this file several times.
if (process.listenerCount('uncaughtException') === 0)
  process.on('uncaughtException', (error) => void crash(error));

async function main(args: readonly string[]): Promise<void> {
  try {
    const program = await millrace(args);
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // Help: commander has printed it.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const { reportFailure } = await import('./failure.ts');
    const level = args[args.indexOf('--log-level') + 1];
    process.exitCode = reportFailure(error, {
      json: args.includes('--json'),
      debug: args.includes('--log-level=debug') || (args.includes('--log-level') && level === 'debug'),
    });
  }
}

await main(process.argv.slice(2));
