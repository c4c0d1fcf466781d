/** `millrace swap LIVE SHADOW`: answers come from a replay instead of the live copy, and back. */
import type { Command } from 'commander';
import { auditRecord, operatorOfThisMachine } from '#audit';
import { ConfigurationError, InputError, systemClock } from '#platform';
import { codeOf, copyKey, type InForce, readInForce, swap } from '#replays';
import { openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { moment, type Output } from '../output.ts';
import { auditing } from './auditing.ts';
import { namedTopology } from './replayed-topology.ts';

type SwapCommandOptions = { readonly back?: true; readonly adopt?: true; readonly partial?: true };

export function swapCommand(command: Command): Command {
  return defineCommand<SwapCommandOptions>({
    command: command
      .argument('<live>', '"loop", or a view such as user-trends-1')
      .argument('[shadow]', 'name of a replay of it; without one, shows what is in force')
      .option('--back', 'return to what was in force before')
      .option('--adopt', 'accept rows that other code has produced, for this code to continue')
      .option('--partial', 'accept state that lacks events no longer in the log'),
    examples: [
      ['millrace swap loop fix', 'answers come from the replay fix'],
      ['millrace swap loop --back', 'and from the previous copy again'],
      ['millrace swap loop --json', 'what is in force, for a script'],
    ],
    notes: `
A swap writes one record to the log and nothing else, so an interrupted swap has either happened or not. Each running
"millrace start" reads the rows of the replay, keeps answering from the previous rows meanwhile, and switches when it
has read all. The replay must be complete, run by this code, and at most a second behind: swap while "millrace replay"
runs. Stop that afterwards: "millrace start" then continues the replay. The live copy is kept up to date as well;
a replay that is no longer in force is kept for swap.keepMs.`,
    run: (invocation, [live = '', shadow]) => runSwap(invocation, live, shadow),
  });
}

async function runSwap(
  { configuration, options, output }: Invocation<SwapCommandOptions>,
  live: string,
  shadow: string | undefined,
): Promise<number> {
  const { back = false, adopt = false, partial = false } = options;
  if (back && shadow !== undefined)
    throw usageError('--back puts in force what was before.', 'Name a replay, or use --back.');
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const { log } = installation;
    const { runs, topology } = await namedTopology(live, installation);
    if (typeof runs === 'object' && 'module' in runs) throw noReaders(topology.name);
    const of = copyKey(topology);
    if (!back && shadow === undefined) {
      print(output, { of, ...(await readInForce(log)).get(of) });
      return EXIT.done;
    }
    if (configuration.views !== 'in-process' && !back) throw rowsInRedis();
    const { topics } = await auditing(installation);
    const to = back || shadow === undefined ? 'back' : { shadow };
    const act = {
      act: 'swap',
      actor: operatorOfThisMachine(),
      subject: live,
      details: { to: to === 'back' ? 'what was before' : to.shadow },
    };
    const { isChanged, inForce } = await swap({
      log,
      topology,
      clock: systemClock,
      code: codeOf(runs, configuration.features.modules),
      to,
      keepMs: configuration.swap.keepMs,
      adopts: adopt,
      takesPartial: partial,
      alongside: [auditRecord(topics, act, systemClock.now())],
    });
    print(output, inForce, isChanged);
    return EXIT.done;
  });
}

function print(output: Output, inForce: Partial<InForce> & Pick<InForce, 'of'>, isChanged?: boolean): void {
  const { of, shadow = null, sinceMs = null, previous, kept = [] } = inForce;
  if (output.json) {
    output.value({ of, shadow, sinceMs, previous, kept, ...(isChanged !== undefined && { isChanged }) });
    return;
  }
  const name = shadow === null ? `the live copy of ${of}` : `the replay ${shadow} of ${of}`;
  const done = isChanged === undefined ? '' : isChanged ? 'The swap is done. ' : 'Nothing is to be done. ';
  output.line(`${done}In force: ${name}${sinceMs === null ? '' : `, since ${moment(sinceMs)}`}.`);
  if (previous !== undefined)
    output.line(`Back:     ${previous === null ? 'the live copy' : `the replay ${previous}`}, with --back.`);
  for (const { shadow: replay, untilMs } of kept)
    output.line(`Kept:     the replay ${replay}, until ${moment(untilMs)}.`);
}

function rowsInRedis(): ConfigurationError {
  return new ConfigurationError(
    'MR_SWAP_REDIS',
    'Rows of users are in Redis, where a swap does not change them over.',
    {
      hint: 'Set option views to in-process first, or deploy the code and let the live copy go on.',
    },
  );
}

function noReaders(topology: string): InputError {
  return new InputError('MR_SWAP_NO_READERS', `No answers are made of ${topology}.`, {
    hint: 'Let the consumers of its output topics read those of the replay: "millrace topics" lists them as shadow-NAME-...',
  });
}
