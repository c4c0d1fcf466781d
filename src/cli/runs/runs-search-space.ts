/** The space of a search: for each parameter of a model a list of values, or a range. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type { Random, SearchSpace } from '#models';
import { InputError } from '#platform';

/** From JSON, or from a file that holds it. Errors: InputError MR_SEARCH_SPACE. */
export function readSpace(text: string): SearchSpace {
  const json = text.trimStart().startsWith('{') ? text : fromFile(text);
  let space: unknown;
  try {
    space = JSON.parse(json);
  } catch (cause) {
    throw unreadable(`it is not JSON: ${(cause as Error).message}`);
  }
  if (!isObject(space) || Object.keys(space).length === 0)
    throw unreadable('it is not an object with parameters');
  for (const [name, dimension] of Object.entries(space)) {
    if (Array.isArray(dimension)) {
      if (dimension.length === 0) throw unreadable(`${name} has no values`);
    } else if (!isRange(dimension)) throw unreadable(`${name} is neither a list of values nor a range`);
  }
  return space as SearchSpace;
}

/** A point of the space; each dimension by itself, alike over its values or its range. */
export function drawFrom(space: SearchSpace, random: Random): Record<string, number | string | boolean> {
  return Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => {
      if (!('from' in dimension)) return [name, dimension[random.integer(dimension.length)] as number];
      const { from, to, log = false, whole = false } = dimension;
      const share = random.uniform();
      const value = log ? from * (to / from) ** share : from + (to - from) * share;
      return [name, whole ? Math.round(value) : Number(value.toPrecision(4))];
    }),
  );
}

/** For options of the command line. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isObject(value)) throw new InvalidArgumentError(`Give a JSON object, such as '{"dim": 32}'.`);
  return value;
}

function fromFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(`${path} can't be read: ${(cause as Error).message}`);
  }
}

function isRange(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { from, to, log = false, whole = false, ...rest } = value;
  const isOrdered = typeof from === 'number' && typeof to === 'number' && from <= to;
  const isDrawable = log === false || (log === true && (from as number) > 0);
  return isOrdered && isDrawable && typeof whole === 'boolean' && Object.keys(rest).length === 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(problem: string): InputError {
  return new InputError('MR_SEARCH_SPACE', `The space of the search can't be read: ${problem}.`, {
    hint: `Write it as {"dim": [32, 64], "learningRate": {"from": 0.001, "to": 0.05, "log": true}}.`,
  });
}
