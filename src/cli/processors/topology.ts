/** `millrace topology`: what the processors consist of. It needs no data. */

import { type Command, Option } from 'commander';
import { describeTopology, type Topology, topologyMermaid, topologyText } from '#engine';
import { openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { declaredLoop } from '#processing';
import type { Configuration } from '#service/configuration';
import { openTopics } from '#topologies';
import { defineCommand, EXIT, type Invocation } from '../command.ts';

type TopologyOptions = { readonly format: 'text' | 'mermaid' | 'json' };

export function topologyCommand(command: Command): Command {
  return defineCommand<TopologyOptions>({
    command: command.addOption(
      new Option('--format <format>', 'how to show it').choices(['text', 'mermaid', 'json']).default('text'),
    ),
    examples: [
      ['millrace topology', 'each sub-topology with its nodes and stores'],
      ['millrace topology --format mermaid', 'a flowchart, for pages that render Mermaid'],
      ['millrace topology --json | jq ".subTopologies[].stores"', 'the stores with their changelogs'],
    ],
    notes: `
<-- and --> show which nodes a node receives records from and sends them to; ==> continues after a topic.
"state depends on arrival": rebuilt from the log, that state can differ from the live state.`,
    run: (invocation) => showTopology(invocation),
  });
}

async function showTopology({
  options,
  configuration,
  output,
}: Invocation<TopologyOptions>): Promise<number> {
  const description = describeTopology(await declaredTopology(configuration));
  if (output.json || options.format === 'json') output.value(description);
  else {
    const show = options.format === 'mermaid' ? topologyMermaid : topologyText;
    output.line(show(description).trimEnd());
  }
  return EXIT.done;
}

/** Declared over a log in memory: a declaration registers its schemas, and this one is for reading only. */
export async function declaredTopology(configuration: Configuration): Promise<Topology> {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  const topology = await declaredLoop(await openTopics(log, log.registry), log.registry, configuration);
  await log.close();
  return topology;
}
