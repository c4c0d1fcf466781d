import { InProcessViewStore } from '../view-store/in-process.ts';
import type { ViewStore } from '../view-store/port.ts';
import type { TestWorld } from './world.ts';

/** A view store whose rows of users never come. */
export async function stuckRows(world: TestWorld): Promise<ViewStore> {
  const opened = await InProcessViewStore.open(world, world.topics);
  return new Proxy(opened, {
    get: (target, name) => {
      if (name === 'rows') return () => new Promise(() => {});
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
