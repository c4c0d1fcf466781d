/** `millrace evaluate VERSION|DIR`: how good a version is on our rows, whoever has trained it. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { artifactsIn, contentsOf, EXTERNAL_MANIFEST_NAME, readOutside, VERSIONS_DIRECTORY } from '#models';
import { readRegistry } from '#offline';
import { type Installation, withInstallation } from '#service';
import type { JudgedVersion } from '#trainer';
import { versionNamed } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, right } from '../output.ts';
import { judgedOn, snapshotNamed } from './judging.ts';

type Options = { readonly snapshot?: string };

export function evaluateCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<version|dir>', 'a version, or the first characters of it; or a directory with model.json')
      .option('--snapshot <id>', 'whose held-out part judges (default: the newest)'),
    examples: [
      ['millrace evaluate 46e490558d92', 'a version on the newest snapshot'],
      ['millrace evaluate exported', 'a model that was trained elsewhere, before it is published'],
      ['millrace evaluate 46e4 --snapshot 0f3a --json | jq .metrics', 'for a script'],
    ],
    notes: `
A model that finds items ranks all of them for every user; a ranker orders the lists that users were shown. Both are judged
by what users took in the part that the snapshot's protocol holds out, beside two rankings by popularity. What a model has
learned of that part elsewhere, nobody can tell: it counts in its favour.`,
    run: (invocation, [name = '']) => evaluate(invocation, name),
  });
}

async function evaluate(
  { configuration, options, output }: Invocation<Options>,
  name: string,
): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const snapshot = await snapshotNamed(installation, options.snapshot);
    const version = await versionOrDirectory(installation, name);
    const judgements = await judgedOn(snapshot, version, installation);
    const { model, popularity, decayedPopularity, intervals, tables } = judgements;
    const { snapshot_id, protocol } = snapshot;
    if (output.json) {
      output.value({
        version: version.version,
        model: version.model,
        snapshot: snapshot_id,
        protocol,
        metrics: model.metrics,
        popularity: popularity.metrics,
        decayed_popularity: decayedPopularity.metrics,
        intervals,
        tables,
      });
      return EXIT.done;
    }
    output.line(
      `${version.version ?? name} (${version.model}) on snapshot ${snapshot_id}, protocol ${protocol}`,
    );
    output.table(
      ['metric', right('value'), right('95% interval'), right('popularity'), right('decayed popularity')],
      Object.entries(model.metrics).map(([metric, value]) => {
        const interval = intervals[metric];
        return [
          metric,
          figure(value),
          interval === undefined ? '' : `${figure(interval.low)} to ${figure(interval.high)}`,
          figure(popularity.metrics[metric]),
          figure(decayedPopularity.metrics[metric]),
        ];
      }),
    );
    return EXIT.done;
  });
}

/** Errors: those of readOutside, versionNamed and ArtifactStore.open. */
async function versionOrDirectory(
  installation: Installation,
  name: string,
): Promise<JudgedVersion & { readonly version: string | null }> {
  if (existsSync(join(name, EXTERNAL_MANIFEST_NAME))) {
    const { model, contents } = await readOutside(name);
    return { version: null, model, files: contents };
  }
  const { configuration, files } = installation;
  const { version } = versionNamed(await readRegistry(installation), name);
  const opened = await artifactsIn({ dataDirectory: configuration.data, files }, VERSIONS_DIRECTORY).open(
    version,
  );
  return { version, model: opened.manifest.model, files: contentsOf(opened) };
}
