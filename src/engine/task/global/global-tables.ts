import { invariant } from '#platform';
import type { GlobalRows } from '../../operators/global-join.ts';
import { globalTopicsOf, type Node } from '../../topology/node.ts';
import { GlobalTableCopy, type GlobalTableEnvironment } from './global-table.ts';

/**
 * The global tables that nodes read, each whole. Every member of the group has copies of its own, also the worker threads
 * of one process: they share no memory, and a database has one owner.
 */
export class GlobalTables {
  readonly #copies: ReadonlyMap<string, GlobalTableCopy>;

  /** `member`: its name within the group. */
  constructor(member: string, nodes: readonly Node[], environment: GlobalTableEnvironment) {
    // A point is in no task's name.
    const place = `global.${encodeURIComponent(member)}`;
    this.#copies = new Map(
      globalTopicsOf(nodes).map((topic) => {
        return [topic.name, new GlobalTableCopy(`${place}.${topic.name}`, topic, environment)];
      }),
    );
  }

  /** Takes in everything that is readable now; `onProgress` is called on the way. */
  async catchUp(onProgress: () => void): Promise<void> {
    for (const copy of this.#copies.values()) await copy.catchUp(onProgress);
  }

  readonly rowsOf = (topic: string): GlobalRows => this.#of(topic);

  /** All rows of one, for tests. */
  entries(topic: string): AsyncIterable<readonly [key: string, row: unknown]> {
    return this.#of(topic).entries();
  }

  /** Names of the databases. */
  get databases(): readonly string[] {
    return Array.from(this.#copies.values(), ({ name }) => name);
  }

  async close(): Promise<void> {
    for (const copy of this.#copies.values()) await copy.close();
  }

  #of(topic: string): GlobalTableCopy {
    const copy = this.#copies.get(topic);
    invariant(copy !== undefined, `no node reads a global table ${topic}`);
    return copy;
  }
}
