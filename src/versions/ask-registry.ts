import { randomUUID } from 'node:crypto';
import { TopicReader, writeRecords } from '#engine';
import type { Log } from '#log';
import { type Clock, InputError, RetryableError, relayed } from '#platform';
import type { RegisteredVersion, RegistryView } from '#processors';
import { type Command, type CommandAnswer, commandOf } from '#schemas';
import type { Topics } from '#topologies';

export type AskingOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'commands' | 'command-answers'>;
  readonly clock: Clock;
  /** How long the task that owns the versions may take, ms. */
  readonly patienceMs: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
};

export type RegistryRequest = Pick<Command, 'kind' | 'actor'> &
  Partial<Pick<Command, 'candidate' | 'version' | 'reason' | 'only_unused'>>;

/** An idle poll; what comes ends it at once. */
const POLL_MS = 200;

/**
 * Sends a command to the task that owns the versions, and waits for its answer. Errors: InputError with the code of the
 * refusal where it is refused; RetryableError MR_VERSION_NO_ANSWER where nobody answers in time.
 */
export async function askRegistry(options: AskingOptions, request: RegistryRequest): Promise<CommandAnswer> {
  const { log, topics, clock, patienceMs, signal } = options;
  const command_id = `${request.kind}-${randomUUID()}`;
  const ts = clock.now();
  const command = commandOf({ ...request, command_id, ts });
  const answers = await TopicReader.open(log, topics['command-answers'], { from: 'end' });
  try {
    const until = clock.monotonic() + patienceMs;
    await writeRecords(log, topics.commands, [{ key: command_id, value: command, timestamp: ts }]);
    for (;;) {
      signal?.throwIfAborted();
      const found = (await answers.poll(POLL_MS)).find(({ key }) => key === command_id);
      if (found?.value != null) return accepted(found.value);
      if (clock.monotonic() > until) throw unanswered(command_id);
    }
  } finally {
    await answers.close();
  }
}

function accepted(answer: CommandAnswer): CommandAnswer {
  const { accepted: isAccepted, code, reason, kind } = answer;
  if (isAccepted) return answer;
  const why = reason === null ? '' : `: ${reason}`;
  throw new InputError(relayed(code ?? 'MR_VERSION_UNKNOWN'), `The command to ${kind} is refused${why}.`, {
    hint: 'Look at "millrace versions", which shows the status of each version.',
  });
}

function unanswered(commandId: string): RetryableError {
  return new RetryableError(
    'MR_VERSION_NO_ANSWER',
    `Command ${commandId} was not answered; it is carried out when the processors run.`,
    {
      hint: 'Check that they run ("millrace start") and how far they are behind, then look at "millrace versions".',
    },
  );
}

const SHORTEST_PREFIX = 4;

/** The version that a name, or the beginning of one, stands for. InputError MR_VERSION_UNKNOWN for none, and for several. */
export function versionNamed({ versions }: RegistryView, name: string): RegisteredVersion {
  const fitting = versions.filter(({ version }) =>
    name.length < SHORTEST_PREFIX ? version === name : version.startsWith(name),
  );
  const exact = fitting.find(({ version }) => version === name) ?? fitting[0];
  if (exact !== undefined && (exact.version === name || fitting.length === 1)) return exact;
  const several = fitting.map(({ version }) => version).join(', ');
  throw new InputError(
    'MR_VERSION_UNKNOWN',
    exact === undefined ? `There is no version ${name}.` : `${name} may be ${several}.`,
    {
      hint: `Give a version that "millrace versions" lists, or at least ${SHORTEST_PREFIX} characters of it.`,
    },
  );
}
