/** Preloaded into a process and its threads: a store of the loop has another name, as after a change of code without a migration. */
import { registerHooks } from 'node:module';

const STORE = /\bhours\b/g;

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.endsWith('/processors/popularity-ranks.ts')) return loaded;
    const source = String(loaded.source);
    if (!STORE.test(source)) throw new Error(`${url} declares no store of hours`);
    return { ...loaded, source: source.replace(STORE, 'perHour') };
  },
});
