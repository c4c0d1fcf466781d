/** A process that archives all that a data directory's log holds: what the kill tests start, kill and start again. */
import { itemFeaturesView, userFeaturesView } from '#features';
import { archiveNow } from '../archive.ts';
import { openArchivedWorld } from './archived-world.ts';

const [directory = ''] = process.argv.slice(2);
const world = await openArchivedWorld(directory);
const views = [userFeaturesView, itemFeaturesView];
await archiveNow({ ...world.options, views, flushRecords: 100, replacedKeptMs: 0 });
await world.log.close();
