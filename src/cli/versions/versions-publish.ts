/** `millrace versions publish DIR`: a model that was trained elsewhere becomes a version. */

import { Command } from 'commander';
import { createMetrics, systemClock } from '#platform';
import { requireData } from '#service';
import { openSharedFiles } from '#storage';
import { publishCandidate, storeExternalModel } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { withRegistry } from './registry.ts';

export function publishCommand(): Command {
  return defineCommand({
    command: new Command('publish')
      .description('Verify a model that was trained elsewhere, store it, and submit it for promotion.')
      .argument('<dir>', 'directory with model.json and the ONNX file that it names'),
    examples: [
      ['millrace versions publish exported', 'verified, stored, registered'],
      ['millrace promote VERSION', 'then: it ranks what the version in force retrieves'],
    ],
    notes: `
model.json names the inputs by features of views, with their versions, and the output: see docs/MODELS.md. The gates
check the metrics that it states; then it awaits approval. The same directory has the same version.`,
    run: (invocation, [directory = '']) => publish(invocation, directory),
  });
}

async function publish(invocation: Invocation<object>, directory: string): Promise<number> {
  const { configuration, output } = invocation;
  requireData(configuration);
  const { data: dataDirectory, features } = configuration;
  const environment = { clock: systemClock, random: Math.random, metrics: createMetrics() };
  const files = openSharedFiles(configuration, environment);
  const stored = storeExternalModel(directory, { dataDirectory, files, modules: features.modules });
  const { candidate, manifest } = await stored.finally(() => files?.close());
  const { version, status, reason } = await withRegistry(invocation, 'publish', (_, { actor, ...asking }) =>
    publishCandidate(asking, candidate, actor),
  );
  if (output.json) {
    output.value({ version, status, reason, name: manifest.name });
    return EXIT.done;
  }
  output.line(`version ${version} (${manifest.name}) ${status}${reason === null ? '' : `: ${reason}`}`);
  if (status === 'staged') output.line(`Next: millrace promote ${version} (with the same --data).`);
  return EXIT.done;
}
