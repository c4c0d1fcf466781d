import { type OnUndecodable, readableRecords } from '#engine';
import { INDEXES_DIRECTORY } from '#models';
import { readRegistry } from '#offline';
import { InputError } from '#platform';
import { versionInForce } from '#processors';
import type { IndexBuild } from '#schemas';
import type { TrainerOptions } from '../trainer-options.ts';
import { startEmbedding } from './embedding.ts';

/**
 * Builds an index of the whole catalogue by the item tower of the version in force, and returns the event to be published
 * on `indexes`. An equal catalogue gives the same index. Errors: InputError MR_REINDEX_NO_VERSION, MR_REINDEX_MODEL; those
 * of opening the version.
 */
export async function buildIndexOfCatalogue(options: TrainerOptions, commandId: string): Promise<IndexBuild> {
  const { log, topics, clock, logger, progress, files } = options;
  const inForce = versionInForce(await readRegistry(options), 'retrieval');
  if (inForce === undefined) throw noVersion();
  const { version, candidate } = inForce;
  // Before the catalogue is read, so that it holds every change that a vector was written for up to here.
  const [vectors] = await log.describeTopics([topics['item-vectors'].name]);
  const thread = await startEmbedding(options, candidate.directory, 'none');
  const bar = progress?.start('Embedding the catalogue', candidate.items);
  try {
    const onUndecodable: OnUndecodable = (at, err) =>
      logger.error({ ...at, err }, 'an undecodable record is skipped');
    for await (const records of readableRecords(log, topics.items, { from: 'start', onUndecodable })) {
      await thread.call(
        'take',
        records.map(({ key, value }) => ({ id: key, item: value })),
      );
      bar?.advance(records.length);
    }
    const { index, items, calibration } = await thread.call('build');
    bar?.done();
    const directory = `${INDEXES_DIRECTORY}/${index}`;
    await files?.publish(directory);
    return {
      version,
      ts: clock.now(),
      command_id: commandId,
      index,
      directory,
      items,
      vectors_offset: vectors?.offsets[0]?.stable ?? 0,
      probes: calibration?.nprobe ?? null,
      recall: calibration?.curve.find(({ nprobe }) => nprobe === calibration.nprobe)?.recall ?? null,
    };
  } finally {
    await thread.stop();
  }
}

function noVersion(): InputError {
  return new InputError(
    'MR_REINDEX_NO_VERSION',
    'No version is in force whose item tower could embed items.',
    {
      hint: 'Train one first: millrace train',
    },
  );
}
