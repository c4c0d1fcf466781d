/** `millrace promote VERSION` and `millrace rollback`: what answers is decided by a person. */

import type { Command } from 'commander';
import { audited } from '#audit';
import { readRegistry } from '#offline';
import type { CommandAnswer } from '#schemas';
import { askRegistry, versionNamed } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import type { Output } from '../output.ts';
import { withRegistry } from './registry.ts';

type Options = { readonly reason?: string };

const NOTES = `
While "millrace start" runs on the data directory, the decision is made there, and its responder swaps the versions at
once, keeping the previous one loaded. The version records who requested it, and why: millrace versions show VERSION.`;

export function promoteCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<version>', 'version, or the first characters of it')
      .option('--reason <text>', 'why, for the record'),
    examples: [
      ['millrace promote 46e490558d92', 'the one that awaits approval'],
      ['millrace promote 46e4 --reason "offline gain confirmed"', 'with the reason'],
    ],
    notes: NOTES,
    run: (invocation, [name = '']) => promote(invocation, name),
  });
}

export function rollbackCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('[version]', 'the version in force to roll back (default: the retrieval version)')
      .option('--reason <text>', 'why, for the record'),
    examples: [
      ['millrace rollback', 'whichever version is in force'],
      ['millrace rollback 46e490558d92', 'only if this one is in force'],
    ],
    notes: `${NOTES}
With the version given, a second rollback by someone else is refused instead of rolling back twice.`,
    run: (invocation, [name]) => rollBack(invocation, name),
  });
}

async function promote(invocation: Invocation<Options>, name: string): Promise<number> {
  const { options, output } = invocation;
  const answer = await withRegistry(invocation, 'promote', async ({ log, topics }, { actor, ...asking }) => {
    const { version } = versionNamed(await readRegistry({ log, topics }), name);
    const act = { act: 'promote', actor, subject: version, details: reasonOf(options) };
    return audited({ log, topics, clock: asking.clock }, act, () =>
      askRegistry(asking, { kind: 'promote', version, actor, reason: options.reason ?? null }),
    );
  });
  print(output, answer, `Version ${answer.version} is promoted.`);
  return EXIT.done;
}

async function rollBack(invocation: Invocation<Options>, name: string | undefined): Promise<number> {
  const { options, output } = invocation;
  const answer = await withRegistry(invocation, 'rollback', async ({ log, topics }, { actor, ...asking }) => {
    const named = name === undefined ? null : versionNamed(await readRegistry({ log, topics }), name);
    const request = { kind: 'rollback', version: named?.version ?? null, actor } as const;
    const act = { act: 'rollback', actor, subject: request.version ?? 'the version in force' };
    return audited({ log, topics, clock: asking.clock }, { ...act, details: reasonOf(options) }, () =>
      askRegistry(asking, { ...request, reason: options.reason ?? null }),
    );
  });
  const isBack = answer.status === 'promoted';
  print(
    output,
    answer,
    isBack
      ? `Rolled back: version ${answer.version} is in force again.`
      : `Version ${answer.version} is rolled back; no version replaces it.`,
  );
  return EXIT.done;
}

function reasonOf({ reason }: Options): Record<string, string> {
  return reason === undefined ? {} : { reason };
}

function print(output: Output, { command_id, kind, version, status }: CommandAnswer, text: string): void {
  if (output.json) output.value({ command_id, kind, version, status });
  else output.line(text);
}
