/** `millrace top`: what the tasks of a running process are doing, live. */
import type { Command } from 'commander';
import { InputError, RetryableError } from '#platform';
import { requireData, serverAddress, withShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { drawFrames, intervalMs } from './frames.ts';
import { type Look, linesOf, metricsIn, type TasksAnswer, topOf } from './top-frame.ts';

type Options = {
  readonly url?: string;
  readonly token?: string;
  readonly interval: number;
  readonly once?: true;
};

const WITHIN_MS = 5_000;

export function topCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .option('--url <url>', 'the process to ask (default: "millrace start" on the data directory)')
      .option('--token <token>', 'what the server knows you by (default: MILLRACE_TOKEN)')
      .option('--interval <seconds>', 'time between two samples (default: 2)', intervalMs, 2_000)
      .option('--once', 'take one sample and exit'),
    examples: [
      ['millrace top', 'tasks by lag; q or Ctrl-C ends it'],
      ['millrace top --url http://10.0.0.5:8080 --once', 'one look at another machine'],
      ['millrace top --interval 10 --json', 'one line every ten seconds, for a script'],
    ],
    notes: `
rec/s: records that the task's first operators took since the previous sample. CPU, memory and commits are those of the
process: threads share them. A commit is slow above a second. Without a terminal, frames follow each other as lines.`,
    flags: ({ token }) => ({ token }),
    run: top,
  });
}

async function top({ configuration, options, output }: Invocation<Options>): Promise<number> {
  const url = options.url ?? ownServer(configuration);
  return withShutdown(configuration, async (shutdown) => {
    let before: Look | undefined;
    await drawFrames({
      output,
      signal: shutdown.signal,
      once: options.once === true,
      intervalMs: options.interval,
      frame: async (size) => {
        const look = await lookAt(url, configuration);
        const frame = topOf(look, before);
        before = look;
        return { lines: linesOf(url, frame, size), json: [frame] };
      },
    });
    return EXIT.done;
  });
}

/** Errors: those of requireData and serverAddress; InputError MR_TOP_NO_SERVER. */
function ownServer(configuration: Configuration): string {
  requireData(configuration);
  const address = serverAddress(configuration, 'processors');
  if (address !== undefined) return address;
  throw new InputError('MR_TOP_NO_SERVER', `No "millrace start" runs on ${configuration.data}.`, {
    hint: 'Start it, or name another process with --url http://HOST:PORT.',
  });
}

async function lookAt(url: string, configuration: Configuration): Promise<Look> {
  const [tasks, metrics] = await Promise.all([
    ask(url, '/tasks', configuration),
    ask(url, '/metrics', configuration),
  ]);
  return { at: Date.now(), members: (JSON.parse(tasks) as TasksAnswer).members, metrics: metricsIn(metrics) };
}

async function ask(url: string, path: string, { token, admin }: Configuration): Promise<string> {
  const bearer = token ?? admin.token;
  const headers = { connection: 'close', ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
  let response: Response;
  try {
    response = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(WITHIN_MS) });
  } catch (cause) {
    throw new RetryableError('MR_SERVER_UNREACHABLE', `The server at ${url} does not respond.`, {
      hint: 'Check the address, and that the process runs.',
      cause,
    });
  }
  if (response.ok) return response.text();
  throw new InputError('MR_TOP_REFUSED', `${url}${path} answers ${response.status}.`, {
    hint: 'A token with the right "observe" is needed (--token), and a process of Millrace there.',
  });
}
