/** `millrace versions`: what has been trained or published, and what became of it. */

import type { Command } from 'commander';
import { readRegistry } from '#offline';
import { isInForce, type RegisteredVersion, type RegistryView } from '#processors';
import { withInstallation } from '#service';
import { listedVersion } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, moment, right } from '../output.ts';
import { collectCommand } from './versions-collect.ts';
import { exportCommand } from './versions-export.ts';
import { importCommand } from './versions-import.ts';
import { publishCommand } from './versions-publish.ts';
import { showVersionCommand } from './versions-show.ts';

export function versionsCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace versions', 'a table; * is the version that answers'],
      ['millrace versions show 46e490558d92', 'its history, and what the gates found'],
      ['millrace versions export 46e4 --faiss items.faiss', 'its item vectors, for other programs'],
      ['millrace versions import 46e4 --faiss items.faiss', 'an index that FAISS made of them'],
      ['millrace versions publish DIR', 'a model that was trained elsewhere'],
      ['millrace versions collect', 'what can be removed'],
      ['millrace versions --json | tail -n 1', 'the newest one in full'],
    ],
    notes: `
by: who requested the last change of status, or the gate. millrace promote and millrace rollback choose what answers.`,
    run: (invocation) => listVersions(invocation),
  })
    .enablePositionalOptions()
    .addCommand(showVersionCommand())
    .addCommand(exportCommand())
    .addCommand(importCommand())
    .addCommand(publishCommand())
    .addCommand(collectCommand());
}

async function listVersions({ configuration, output }: Invocation<object>): Promise<number> {
  return withInstallation(configuration, async ({ log, topics }) => {
    const registry = await readRegistry({ log, topics });
    const { versions } = registry;
    if (!output.json && versions.length === 0) output.line('No version yet: "millrace train" trains one.');
    else
      output.list(
        versions,
        columns,
        (each) => row(registry, each),
        (each) => listedVersion(registry, each),
      );
    return EXIT.done;
  });
}

const columns = [
  ' version',
  'model',
  'status',
  'decided',
  'by',
  right('recall@10'),
  right('ndcg@10'),
  right('best popularity'),
] as const;

function row(registry: RegistryView, each: RegisteredVersion): string[] {
  const { version, status, ts, actor, candidate } = each.latest;
  const { metrics, popularity, decayed_popularity: decayed, model } = candidate;
  const best = (metric: string) => {
    const [allTime, recent] = [popularity[metric], decayed[metric]];
    return allTime === undefined && recent === undefined ? undefined : Math.max(allTime ?? 0, recent ?? 0);
  };
  return [
    `${isInForce(registry, each) ? '*' : ' '}${version.slice(0, 12)}`,
    model,
    status,
    moment(ts),
    actor ?? 'gate',
    figure(metrics['recall@10']),
    figure(metrics['ndcg@10']),
    `${figure(best('recall@10'))} ${figure(best('ndcg@10'))}`,
  ];
}
