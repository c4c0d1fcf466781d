import { describe } from 'node:test';
import { viewStoreContract } from './contract.ts';
import { InProcessViewStore } from './in-process.ts';

describe('InProcessViewStore', () => {
  viewStoreContract('in process', async (t, world) => ({
    open: async () => {
      const views = await InProcessViewStore.open(world, world.topics);
      t.after(() => views.close());
      return views;
    },
  }));
});
