/** A further thread of the training of trees. */
import { serveShards } from '../parallel/serve-shards.ts';
import { type BlocksSetup, ColumnBlocks } from './column-blocks.ts';

await serveShards(async (setup: BlocksSetup) => new ColumnBlocks(setup));
