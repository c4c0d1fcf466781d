/** `millrace replay`: a topology run once more beside the live one, from the log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { type Shutdown, systemClock } from '#platform';
import {
  codeOf,
  type Definition,
  pointOf,
  type Range,
  type Replay,
  replayProgress,
  startReplay,
} from '#replays';
import { type LogInstallation, openLogInstallation, requireData } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, notice, type Output, seconds } from '../output.ts';
import { untilStopped } from '../until-stopped.ts';
import { auditing } from './auditing.ts';
import { cancelCommand } from './replay-cancel.ts';
import { listCommand } from './replay-list.ts';
import { namedTopology } from './replayed-topology.ts';

type ReplayCommandOptions = {
  readonly from?: string;
  readonly to?: string;
  readonly into: string;
  readonly code?: string;
  readonly cpu: number;
  readonly partial?: true;
  readonly force?: true;
  readonly once?: true;
};

/** Between two looks at how far it is, ms. */
const DRAWN_MS = 500;

export function replayCommand(command: Command): Command {
  return defineCommand<ReplayCommandOptions>({
    command: command
      .argument('<topology>', '"loop", a view such as user-trends-1, or a module as for "millrace run"')
      .option('--from <point>', 'offset, time or "beginning" to start at (default: beginning)')
      .option('--to <point>', 'offset or time to stop before (default: none, follows new records)')
      .option('--into <name>', 'name of the replay', 'replay')
      .option('--code <dir>', 'run the code in this directory: another release, or a module in it')
      .option('--cpu <share>', 'processor time of each thread, above 0 and up to 1', share, 0.5)
      .option('--partial', 'start where the log starts if earlier records are gone')
      .option('--force', 'also repeat state that depends on arrival order')
      .option('--once', 'stop when it is ready'),
    examples: [
      ['millrace replay loop --into fix', 'the views again, beside "millrace start"'],
      ['millrace replay topology.ts --code ../fixed --into fix', 'with other code, then: millrace diff'],
      ['millrace replay loop --from 2026-01-30T12:00:00Z --once', 'from that time, until it has caught up'],
    ],
    notes: `
The replay has stores, output topics, offsets and dead letters of its own, named shadow-NAME-..., and writes nothing
live. It is ready when its stores are complete and its lag is under a second, or when it has reached --to; without --to it
then follows the live inputs. Ctrl-C pauses it, and so does kill -9: the same command resumes from its last commit.
Sub-topologies whose state depends on arrival order are not repeated; their recorded outputs are read instead. An offset
applies to every partition of every stream that is read.`,
    run: (invocation, [topology = '']) => replay(invocation, topology),
  })
    .enablePositionalOptions()
    .addCommand(listCommand())
    .addCommand(cancelCommand());
}

async function replay(invocation: Invocation<ReplayCommandOptions>, name: string): Promise<number> {
  const { configuration, options, sources, output } = invocation;
  const { from = 'beginning', to, code } = options;
  const range: Range = { from: pointOf(from), to: to === undefined ? undefined : pointOf(to) };
  requireData(configuration);
  if (code !== undefined && !existsSync(join(code, name))) return otherRelease(code);
  // The live threads come first; those of this process inherit it.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const open = (shutdown: Shutdown) => openLogInstallation(configuration, shutdown);
  return untilStopped({ configuration, options, sources, output }, open, async (installation, shutdown) => {
    const { runs, topology } = await namedTopology(name, installation, code);
    const started = await startReplay(
      {
        ...installation,
        name: options.into,
        runs,
        code: codeOf(runs, configuration.features.modules),
        topology,
        range,
        isPartial: options.partial === true,
        withArrival: options.force === true,
        share: options.cpu,
        stateDirectory: join(installation.directory, 'state'),
        clock: systemClock,
        signal: shutdown.signal,
      },
      shutdown,
    );
    tellBegun(output, started);
    if (!started.isResumed) await noteBegun(installation, started);
    const stops = options.once === true || to !== undefined;
    return { failed: followed(started, installation, { output, stops, signal: shutdown.signal }) };
  });
}

function tellBegun(output: Output, { definition, isResumed, recorded }: Replay): void {
  const { name, topology, generation } = definition;
  const state = isResumed ? 'resumed' : 'begun';
  if (output.json) output.value({ replay: name, state, topology, generation, recorded });
  notice(output, `Replay ${name} of ${topology}, generation ${generation}, is ${state}; Ctrl-C pauses it.`);
  for (const { subTopology, operators } of recorded)
    notice(
      output,
      `As recorded: what ${operators.join(', ')} of ${subTopology} have made, which depends on arrival.`,
    );
}

async function noteBegun(installation: LogInstallation, { definition }: Replay): Promise<void> {
  const { name, topology } = definition;
  const act = { act: 'replay', actor: operatorOfThisMachine(), subject: name, details: { topology } };
  await audited(await auditing(installation), act, async () => {});
}

/** Resolves when the replay is over; it draws how far it is until it is ready. */
async function followed(
  replay: Replay,
  { log }: LogInstallation,
  { output, stops, signal }: { output: Output; stops: boolean; signal: AbortSignal },
): Promise<void> {
  const { definition, processing } = replay;
  const drawing = new AbortController();
  const drawn = draw(log, definition, commandProgress(output, signal), drawing.signal);
  const begun = performance.now();
  try {
    await replay.ready();
  } finally {
    drawing.abort();
    await drawn;
  }
  const tookMs = Math.round(performance.now() - begun);
  const { read } = await replayProgress(log, definition);
  if (output.json) output.value({ replay: definition.name, state: 'ready', offsets: read, ms: tookMs });
  else output.line(`Ready      ${grouped(read)} offsets are replayed, in this call in ${seconds(tookMs)}.`);
  if (!stops) await processing.ended;
}

async function draw(
  log: LogInstallation['log'],
  definition: Definition,
  progress: ReturnType<typeof commandProgress>,
  signal: AbortSignal,
): Promise<void> {
  const { read: before, total } = await replayProgress(log, definition);
  const step = progress.start(`Replaying ${definition.name}`, Math.max(0, total - before));
  while (!signal.aborted) {
    step.update((await replayProgress(log, definition)).read - before);
    await systemClock.sleep(DRAWN_MS, signal);
  }
  step.done();
}

/** Another release runs as a program of its own: its topology is that of its own engine. */
async function otherRelease(directory: string): Promise<number> {
  const program = join(resolve(directory), 'bin/millrace.js');
  if (!existsSync(program))
    throw usageError(
      `${directory} has neither that module nor a release of millrace.`,
      'Name a directory with the module, or with bin/millrace.js.',
    );
  const [, , ...args] = process.argv;
  const at = args.findIndex((each) => each === '--code' || each.startsWith('--code='));
  const rest = args.toSpliced(at, args[at] === '--code' ? 2 : 1);
  const child = spawn(process.execPath, [program, ...rest], { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? EXIT.failed;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Use a number above 0 and up to 1.');
  return value;
}
