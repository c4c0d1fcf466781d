/** `millrace versions export VERSION`: the item vectors of a version, as a file of FAISS. */

import { Command } from 'commander';
import { currentRecords } from '#engine';
import {
  artifactsIn,
  INDEXES_DIRECTORY,
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  readIndex,
  VERSIONS_DIRECTORY,
  VOCABULARY_FILE,
  Vocabulary,
  writeFaiss,
} from '#models';
import { readRegistry } from '#offline';
import { InputError, replaceDurably } from '#platform';
import { type Installation, withInstallation } from '#service';
import { versionNamed } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped } from '../output.ts';

type Options = { readonly faiss: string; readonly built?: true };

export function exportCommand(): Command {
  return defineCommand<Options>({
    command: new Command('export')
      .description('Write the item vectors of a version as a FAISS index.')
      .argument('<version>', 'version, or the first characters of it')
      .requiredOption('--faiss <file>', 'file to write; beside it, FILE.items.txt gets the ids of the items')
      .option('--built', 'the last index that was built or imported for it, not the one that it came with'),
    examples: [
      ['millrace versions export 46e490558d92 --faiss items.faiss', 'for faiss.read_index'],
      ['millrace versions export 46e4 --faiss items.faiss --built', 'as "millrace reindex" built it'],
    ],
    notes: `
Scores are inner products. Line n of FILE.items.txt, counted from 0, is the item that FAISS calls n.`,
    run: (invocation, [name = '']) => exportVersion(invocation, name),
  });
}

async function exportVersion(
  { configuration, output, options }: Invocation<Options>,
  name: string,
): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const { version } = versionNamed(await readRegistry(installation), name);
    const { file, ids } = options.built
      ? await builtFor(installation, version)
      : await trainedWith(installation, version);
    const parts = readIndex(file);
    const items = `${options.faiss}.items.txt`;
    await replaceDurably(options.faiss, writeFaiss(parts));
    // Ids hold no control characters, so one is a line.
    await replaceDurably(items, Buffer.from(ids.map((id) => `${id}\n`).join('')));
    const { dim } = parts;
    if (output.json) output.value({ version, faiss: options.faiss, items, vectors: ids.length, dim });
    else
      output.line(
        `${grouped(ids.length)} vectors of dimension ${dim} in ${options.faiss}, their ids in ${items}`,
      );
    return EXIT.done;
  });
}

type Exported = { readonly file: Uint8Array; readonly ids: readonly string[] };

async function trainedWith(
  { configuration, files: shared }: Installation,
  version: string,
): Promise<Exported> {
  const files = await artifactsIn(
    { dataDirectory: configuration.data, files: shared },
    VERSIONS_DIRECTORY,
  ).open(version);
  if (!files.names.includes(ITEM_VECTORS_FILE)) {
    const { model } = files.manifest;
    throw new InputError('MR_VERSION_NO_VECTORS', `Version ${version} (${model}) has no item vectors.`);
  }
  const vocabulary = Vocabulary.parse(files.read(VOCABULARY_FILE));
  const ids = Array.from({ length: vocabulary.itemCount }, (_, item) => vocabulary.itemId(item));
  return { file: files.read(ITEM_VECTORS_FILE), ids };
}

async function builtFor(
  { log, topics, configuration, files: shared }: Installation,
  version: string,
): Promise<Exported> {
  const built = (await currentRecords(log, topics.indexes, 'by-newest')).get(version)?.value;
  if (built === undefined)
    throw new InputError('MR_VERSION_NO_INDEX', `No index was built for version ${version}.`);
  const files = await artifactsIn(
    { dataDirectory: configuration.data, files: shared },
    INDEXES_DIRECTORY,
  ).open(built.index);
  const ids = JSON.parse(files.read(ITEM_IDS_FILE).toString()) as readonly string[];
  return { file: files.read(ITEM_VECTORS_FILE), ids };
}
