/** A further thread of the training of a sequential model. */
import { serveShards } from '../parallel/serve-shards.ts';
import { ShardSession } from './shard.ts';

await serveShards(ShardSession.open);
