/** `millrace dead-letters show ID`. */
import { Command } from 'commander';
import { headersOfLetter, type Letter, letterNamed } from '#dead-letters';
import { topics } from '#schemas';
import type { LogInstallation } from '#service';
import { openTopic, type Topics } from '#topologies';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { withShownBytes } from '../log/shown-bytes.ts';
import { listed } from './dead-letters-list.ts';
import { idOf, withLetters } from './letter-options.ts';

export function showCommand(): Command {
  return defineCommand({
    command: new Command('show')
      .description('Show a dead letter: its record, the error with its stack, and its outcome.')
      .argument('<id>', 'id from "millrace dead-letters list"'),
    examples: [['millrace dead-letters show 12', 'the record decoded, and where its processor failed']],
    notes: `
The value of a record is decoded if its topic is one of the product's and the bytes fit its schema; otherwise it is
shown as text, or in base64. It is null where it was too large for the letter: then it is on the log alone.`,
    run: (invocation, [id = '']) => show(invocation, idOf(id)),
  });
}

async function show({ configuration, output }: Invocation<object>, id: number): Promise<number> {
  return withLetters(configuration, async (environment) => {
    const letter = await letterNamed(environment, id);
    const headers = await headersOfLetter(environment, letter);
    const value = await decoded(environment, letter);
    if (output.json) output.value({ ...listed(letter), value, headers: Object.fromEntries(headers) });
    else {
      const { outcome, ...fields } = listed(letter);
      for (const [name, field] of Object.entries({ ...fields, value })) output.line(lineOf(name, field));
      output.line(lineOf('outcome', outcome && `${outcome.outcome} by ${outcome.actor} at ${outcome.ts}`));
      for (const [name, text] of headers) output.line(lineOf(name, text));
    }
    return EXIT.done;
  });
}

function lineOf(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return `${name.padEnd(10)}  ${value === null ? '-' : text.replaceAll('\n', '\n            ')}`;
}

async function decoded({ log, registry }: LogInstallation, { value: letter }: Letter): Promise<unknown> {
  const { topic: name, value: bytes } = letter;
  if (bytes === null) return null;
  if (!Object.hasOwn(topics, name)) return withShownBytes(bytes);
  try {
    const { value: serde } = await openTopic(name as keyof Topics, log, registry);
    await serde.prepare(bytes);
    return withShownBytes(serde.decode(bytes));
  } catch {
    // What cannot be decoded is why it is here.
    return withShownBytes(bytes);
  }
}
