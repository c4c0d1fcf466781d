/** `millrace features get ENTITY ID`: features as they are served now, from the running server or read here. */

import { Command } from 'commander';
import { askFeatures, type FeatureRow, openFeatureReader, type ShownFeatures } from '#responders';
import {
  askServer,
  requireData,
  responderOptions,
  serverAddress,
  unlessInterrupted,
  withInstallation,
} from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { moment, type Output, shown } from '../output.ts';

type Options = { readonly views?: string; readonly item?: string; readonly token?: string };

type Asked = {
  readonly user?: string;
  readonly items?: readonly string[];
  readonly views?: readonly string[];
};

export function getCommand(): Command {
  return defineCommand<Options>({
    command: new Command('get')
      .description('Show the features of a user or an item as they are served now.')
      .argument('<entity>', 'user or item')
      .argument('<id>', 'its id')
      .option('--views <names>', 'only these views, separated by commas')
      .option('--item <id>', 'for a user: also the features of the user with this item')
      .option('--token <token>', 'what the server knows you by (default: MILLRACE_TOKEN)'),
    examples: [
      ['millrace features get user 42', 'every view of the user'],
      ['millrace features get user 42 --item 50', 'and of the user with an item'],
      ['millrace features get item 50 --views item-features --json', 'as JSON'],
    ],
    notes:
      'Asks the server that "millrace start" runs on the data directory, or reads the views itself if none runs.',
    flags: ({ token }) => ({ token }),
    run: async (invocation, [entity = '', id = '']) => {
      const { configuration, output, options } = invocation;
      requireData(configuration);
      const asked = askedFor(entity, id, options);
      const address = serverAddress(configuration, 'responder');
      const features =
        address === undefined
          ? await readHere(invocation, asked)
          : await askServer(configuration, address, ({ post }) => post('/features', { body: asked }));
      if (output.json) output.value(features);
      else print(output, features);
      return EXIT.done;
    },
  });
}

function askedFor(entity: string, id: string, { views, item }: Options): Asked {
  const named = views === undefined ? {} : { views: views.split(',').map((name) => name.trim()) };
  if (entity === 'user') return { user: id, ...(item !== undefined && { items: [item] }), ...named };
  if (entity === 'item' && item === undefined) return { items: [id], ...named };
  throw entity === 'item'
    ? usageError('--item requires a user.', 'millrace features get item ID')
    : usageError(`There is no entity ${entity}.`, 'Name user or item.');
}

async function readHere({ configuration }: Invocation<Options>, asked: Asked): Promise<ShownFeatures> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const options = await responderOptions(installation);
    const opened = await openFeatureReader(options);
    shutdown.add('features', () => opened.close());
    await unlessInterrupted(opened.caughtUp, shutdown.signal);
    return askFeatures({ reader: opened.reader, pseudonyms: options.pseudonyms }, asked);
  });
}

function print(output: Output, { ts, user, items = [] }: ShownFeatures): void {
  output.line(`As of ${moment(ts)}`);
  for (const [view, row] of Object.entries(user?.views ?? {})) printRow(output, view, row);
  for (const { views } of items) for (const [view, row] of Object.entries(views)) printRow(output, view, row);
}

function printRow(output: Output, view: string, row: FeatureRow | null): void {
  if (row === null) {
    output.line(`\n${view}: the item is not in the catalogue`);
    return;
  }
  const { features, found, freshness_ms, expired } = row;
  const age = freshness_ms === null ? '' : `, newest event ${duration(freshness_ms)} ago`;
  output.line(`\n${view}${found ? age : ': no row, so these are the defaults'}`);
  for (const [feature, value] of Object.entries(features)) {
    const note = expired.includes(feature) ? '  (expired)' : '';
    output.line(`  ${feature.padEnd(22)} ${shown(value, 90)}${note}`);
  }
}

function duration(ms: number): string {
  const units = [
    ['days', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const;
  const [unit, size] = units.find(([, each]) => ms >= 2 * each) ?? ['s', 1000];
  return `${Math.round(ms / size)} ${unit}`;
}
