/** A further thread of `Doubling`. */
import { serveShards } from '../serve-shards.ts';
import { Doubling, type DoublingSetup } from './doubling.ts';

await serveShards(async (setup: DoublingSetup) => new Doubling({ ...setup, isOwn: false }));
