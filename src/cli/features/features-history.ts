/** `millrace features history ENTITY ID`: the events of an entity, and what each has changed in its rows. */

import { Command } from 'commander';
import { type AnyView, crossKey } from '#features';
import { withInstallation } from '#service';
import { type EntityHistory, entityHistory } from '#view-builds';
import { defineCommand, EXIT, type Invocation, usageError, wholeNumber } from '../command.ts';
import { moment, type Output, shown } from '../output.ts';
import { declaredViews } from './view-names.ts';

type Options = { readonly number: number; readonly view?: string };

export function historyCommand(): Command {
  return defineCommand<Options>({
    command: new Command('history')
      .description('Show the events of an entity, and what each changed in its rows.')
      .argument('<entity>', 'user, item, user-category or user-item')
      .argument('<id>', 'its id; for a user, as posted events carry it')
      .argument('[other]', 'the category or item, for a crossed entity')
      .option('-n, --number <count>', 'how many of the newest events', wholeNumber(1, 1_000_000), 20)
      .option('--view <name>', 'only this view'),
    examples: [
      ['millrace features history user 42', 'the last 20 events of a user'],
      ['millrace features history item 50 -n 3 --json', 'as JSON, one event a line'],
      ['millrace features history user-category 42 Drama', 'what a user did in a category'],
    ],
    notes: 'Reads the accepted events of the log, and before them those of the archive.',
    run: (invocation, [entity = '', id = '', other]) => showHistory(invocation, entity, id, other),
  });
}

async function showHistory(
  { configuration, options, output }: Invocation<Options>,
  entity: string,
  id: string,
  other: string | undefined,
): Promise<number> {
  const aggregated = (await declaredViews(configuration)).filter((view) => 'add' in view);
  const views = viewsOf(aggregated, entity, options.view);
  const isCrossed = entity.includes('-');
  if (isCrossed !== (other !== undefined)) {
    throw usageError(
      isCrossed ? `A ${entity} needs two ids.` : `A ${entity} has one id.`,
      isCrossed ? `millrace features history ${entity} USER OTHER` : `millrace features history ${entity} ID`,
    );
  }
  return withInstallation(configuration, async (installation) => {
    const environment = { ...installation, dataDirectory: configuration.data };
    // Events name users by their pseudonyms; one who has none has no events.
    const name = entity === 'item' ? id : (await installation.pseudonyms()).known(id);
    for (const view of views) {
      const key = other === undefined || name === undefined ? name : crossKey(name, other);
      const none: EntityHistory = { steps: [], isWhole: true };
      const history = key === undefined ? none : await entityHistory(environment, view, key);
      const newest = history.steps.slice(-options.number);
      if (output.json) for (const step of newest) output.value({ view: view.name, ...step });
      else print(output, view, newest, history);
    }
    return EXIT.done;
  });
}

function viewsOf(all: readonly AnyView[], entity: string, name: string | undefined): readonly AnyView[] {
  const ofEntity = all.filter((view) => view.entity === entity);
  if (ofEntity.length === 0) {
    const entities = [...new Set(all.map((view) => view.entity))];
    throw usageError(`There is no entity ${entity}.`, `Name one of ${entities.join(', ')}.`);
  }
  const chosen = name === undefined ? ofEntity : ofEntity.filter((view) => view.name === name);
  if (chosen.length > 0) return chosen;
  const names = ofEntity.map((view) => view.name).join(', ');
  throw usageError(`There is no view ${name} of ${entity}.`, `Name one of ${names}.`);
}

function print(
  output: Output,
  { name, version }: AnyView,
  steps: EntityHistory['steps'],
  { steps: { length: all }, isWhole }: EntityHistory,
): void {
  output.line(`${name} ${version}: ${all} events${all > steps.length ? `, the last ${steps.length}` : ''}`);
  if (!isWhole) output.line('The first events have left the log, and no archive has them.');
  for (const { event, changed } of steps) {
    const { ts, kind, item_id, user_id } = event;
    output.line(`${moment(ts)}  ${kind} of ${user_id} ${item_id === null ? '' : `on ${item_id}`}`.trimEnd());
    for (const [feature, { before, after }] of Object.entries(changed)) {
      output.line(`    ${feature}: ${shown(before, 60)} -> ${shown(after, 60)}`);
    }
  }
}
