/** The options that results depend on, as the starts of a data directory have had them. */
import { join } from 'node:path';
import type { Configuration } from './configuration.ts';
import { readRecordFile, writeRecordFile } from './record-file.ts';

type Values = Readonly<Record<string, unknown>>;
type OptionsFile = { readonly configurations: readonly Values[] };
type Chosen = Pick<Configuration, 'admission' | 'examples' | 'gate' | 'versions' | 'features'>;

const FILE_NAME = 'options.json';
/** What no result depends on: bounds of the server's memory, and what is published beside the state. */
const undeciding = new Set(['admission.userPendingEvents', 'features.publishRows']);

/** Notes with what options processing begins, where these are others than at the start before. */
export function noteOptions(directory: string, configuration: Chosen): void {
  const path = join(directory, FILE_NAME);
  const { configurations } = readRecordFile<OptionsFile>(path) ?? { configurations: [] };
  const now = valuesOf(configuration);
  const last = configurations.at(-1);
  if (last !== undefined && changes(last, now).length === 0) return;
  writeRecordFile(path, { configurations: [...configurations, now] });
}

/** Each option that a start has had otherwise, with both values; [] also where nothing was noted. */
export function optionsThatDiffer(directory: string, configuration: Chosen): readonly string[] {
  const { configurations } = readRecordFile<OptionsFile>(join(directory, FILE_NAME)) ?? {
    configurations: [],
  };
  const now = valuesOf(configuration);
  return [...new Set(configurations.flatMap((before) => changes(before, now)))];
}

function changes(before: Values, now: Values): string[] {
  // One that the release of then did not have is at its default now, or somebody would have noted another start.
  return Object.keys(before)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]))
    .map((name) => `${name} was ${JSON.stringify(before[name])} and is ${JSON.stringify(now[name])}`);
}

function valuesOf({ admission, examples, gate, versions, features }: Chosen): Values {
  const sections = { admission, examples, gate, versions, features };
  const all = Object.entries(sections).flatMap(([section, options]) =>
    Object.entries(options).map(([name, value]) => [`${section}.${name}`, value ?? null] as const),
  );
  return Object.fromEntries(all.filter(([name]) => !undeciding.has(name)));
}
