/** A further thread of the training of trees. */
import { serveMeeting } from '../parallel/meeting-threads.ts';
import { type BlocksSetup, ColumnBlocks } from './column-blocks.ts';
import { readStep, writeSplits } from './shared-step.ts';

await serveMeeting((setup: BlocksSetup) => {
  const blocks = new ColumnBlocks(setup);
  return (block) => writeSplits(setup.shared, block, blocks.compute(readStep(setup.shared), block));
});
