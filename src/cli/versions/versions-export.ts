/** `millrace versions export VERSION`: the item vectors of a version, as a file of FAISS. */

import { join } from 'node:path';
import { Command } from 'commander';
import {
  ITEM_VECTORS_FILE,
  localArtifacts,
  readIndex,
  VERSIONS_DIRECTORY,
  VOCABULARY_FILE,
  Vocabulary,
  writeFaiss,
} from '#models';
import { readRegistry } from '#offline';
import { InputError, replaceDurably } from '#platform';
import { withInstallation } from '#service';
import { versionNamed } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped } from '../output.ts';

type Options = { readonly faiss: string };

export function exportCommand(): Command {
  return defineCommand<Options>({
    command: new Command('export')
      .description('Write the item vectors of a version as a FAISS index.')
      .argument('<version>', 'version, or the first characters of it')
      .requiredOption('--faiss <file>', 'file to write; beside it, FILE.items.txt gets the ids of the items'),
    examples: [['millrace versions export 46e490558d92 --faiss items.faiss', 'for faiss.read_index']],
    notes: `
Scores are inner products. Line n of FILE.items.txt, counted from 0, is the item that FAISS calls n.`,
    run: (invocation, [name = '']) => exportVersion(invocation, name),
  });
}

async function exportVersion(
  { configuration, output, options }: Invocation<Options>,
  name: string,
): Promise<number> {
  return withInstallation(configuration, async ({ log, topics }) => {
    const { version } = versionNamed(await readRegistry({ log, topics }), name);
    const files = await localArtifacts(join(configuration.data, VERSIONS_DIRECTORY)).open(version);
    if (!files.names.includes(ITEM_VECTORS_FILE)) {
      const { model } = files.manifest;
      throw new InputError('MR_VERSION_NO_VECTORS', `Version ${version} (${model}) has no item vectors.`);
    }
    const parts = readIndex(files.read(ITEM_VECTORS_FILE));
    const vocabulary = Vocabulary.parse(files.read(VOCABULARY_FILE));
    // Ids hold no control characters, so one is a line.
    const lines = Array.from({ length: vocabulary.itemCount }, (_, item) => `${vocabulary.itemId(item)}\n`);
    const items = `${options.faiss}.items.txt`;
    await replaceDurably(options.faiss, writeFaiss(parts));
    await replaceDurably(items, Buffer.from(lines.join('')));
    const { dim } = parts;
    if (output.json) output.value({ version, faiss: options.faiss, items, vectors: lines.length, dim });
    else
      output.line(
        `${grouped(lines.length)} vectors of dimension ${dim} in ${options.faiss}, their ids in ${items}`,
      );
    return EXIT.done;
  });
}
