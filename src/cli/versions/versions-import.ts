/** `millrace versions import VERSION`: an index that FAISS made, for the items that a version finds. */

import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { writeRecords } from '#engine';
import {
  adoptFaiss,
  artifactsIn,
  INDEXES_DIRECTORY,
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  QUERIES_FILE,
  VERSIONS_DIRECTORY,
  vectorOf,
} from '#models';
import { readRegistry } from '#offline';
import { InputError, systemClock } from '#platform';
import type { IndexBuild } from '#schemas';
import { type Installation, withInstallation } from '#service';
import { versionNamed } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, grouped } from '../output.ts';

type Options = { readonly faiss: string };

export function importCommand(): Command {
  return defineCommand<Options>({
    command: new Command('import')
      .description('Search the items of a version by an index that FAISS wrote.')
      .argument('<version>', 'version, or the first characters of it')
      .requiredOption('--faiss <file>', 'IndexFlatIP or IndexIVFFlat; FILE.items.txt has an item a line'),
    examples: [
      [
        'millrace versions import 46e490558d92 --faiss items.faiss',
        'as versions export wrote it, or changed',
      ],
    ],
    notes: `
Line n of FILE.items.txt, counted from 0, is the item that FAISS calls n. Vectors are searched by inner product with those of
users, so they have the version's dimension. Lists are kept; how many are searched is calibrated. Responders exchange their
index for it, until the next "millrace reindex", daily by training.reindex, replaces it. Items that the file lacks are found
again when they change.`,
    run: (invocation, [name = '']) => importIndex(invocation, name),
  });
}

async function importIndex(
  { configuration, output, options }: Invocation<Options>,
  name: string,
): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const { version } = versionNamed(await readRegistry(installation), name);
    const { log, topics } = installation;
    const [vectors] = await log.describeTopics([topics['item-vectors'].name]);
    const stored = await store(installation, version, options.faiss);
    const ts = systemClock.now();
    const build: IndexBuild = {
      version,
      ts,
      command_id: null,
      directory: `${INDEXES_DIRECTORY}/${stored.index}`,
      vectors_offset: vectors?.offsets[0]?.stable ?? 0,
      ...stored,
    };
    await writeRecords(log, topics.indexes, [{ key: version, value: build, timestamp: ts }]);
    if (output.json) output.value(build);
    else {
      const { index, items, probes, recall } = build;
      const how =
        probes === null ? 'exact' : `${probes} lists a search, recall@100 ${figure(recall ?? undefined)}`;
      output.line(`index ${index} of version ${version}: ${grouped(items)} items, ${how}`);
    }
    return EXIT.done;
  });
}

async function store(
  { configuration, files: shared }: Installation,
  version: string,
  path: string,
): Promise<Pick<IndexBuild, 'index' | 'items' | 'probes' | 'recall'>> {
  const data = { dataDirectory: configuration.data, files: shared };
  const files = await artifactsIn(data, VERSIONS_DIRECTORY).open(version);
  const { index: _, ...described } = files.manifest;
  if (!files.names.includes(ITEM_VECTORS_FILE))
    throw new InputError(
      'MR_VERSION_NO_VECTORS',
      `Version ${version} (${described.model}) has no item vectors.`,
    );
  const queries = files.names.includes(QUERIES_FILE) ? vectorOf(files.read(QUERIES_FILE)) : undefined;
  const { file, size, calibration } = adoptFaiss(await read(path), { dim: described.dimension, queries });
  const ids = await readItems(`${path}.items.txt`, size);
  const ofIndex = {
    ...described,
    itemCount: size,
    indexOf: version,
    ...(calibration && { index: calibration }),
  };
  const index = await artifactsIn(data, INDEXES_DIRECTORY).write(ofIndex, {
    [ITEM_VECTORS_FILE]: file,
    [ITEM_IDS_FILE]: Buffer.from(JSON.stringify(ids)),
  });
  const recall = calibration?.curve.find(({ nprobe }) => nprobe === calibration.nprobe)?.recall ?? null;
  return { index, items: size, probes: calibration?.nprobe ?? null, recall };
}

async function readItems(path: string, vectors: number): Promise<readonly string[]> {
  const ids = (await read(path)).toString().split('\n');
  if (ids.at(-1) === '') ids.pop();
  const wrong =
    ids.length !== vectors
      ? `it has ${ids.length} lines for ${vectors} vectors`
      : new Set(ids).size < ids.length
        ? 'an item is there twice'
        : ids.includes('')
          ? 'a line is empty'
          : undefined;
  if (wrong !== undefined) throw new InputError('MR_VERSION_INDEX_ITEMS', `${path}: ${wrong}.`);
  return ids;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new InputError('MR_USAGE', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
