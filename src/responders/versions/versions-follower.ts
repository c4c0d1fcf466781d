import type { TopicRecord } from '#engine';
import type { AnyView } from '#features';
import type { Version } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import type { ViewStore } from '../view-store/port.ts';
import { InForce, type Served } from './in-force.ts';
import { ServedRanker } from './served-ranker.ts';
import { ServedVersion } from './served-version.ts';

export type VersionsOptions = FollowerEnvironment & {
  readonly topics: Pick<Topics, 'versions' | 'indexes' | 'item-vectors'>;
  readonly dataDirectory: string;
  readonly views: ViewStore;
  /** The views of modules. */
  readonly modules?: readonly { readonly view: AnyView }[];
};

/** Follows the topic of versions and serves the ones promoted last: one that finds items, and where there is one, one that ranks them. */
export class VersionsFollower {
  readonly #retrieval: InForce<ServedVersion>;
  readonly #ranking: InForce<ServedRanker>;
  #follower: TopicFollower<Version> | undefined;

  private constructor(options: VersionsOptions) {
    const { dataDirectory, modules, clock, logger, metrics } = options;
    const loads = metrics.counter('version_loads_total', 'Versions loaded, or refused by code.', ['outcome']);
    const served = metrics.gauge('version_served', 'The version in use.', ['version', 'role']);
    const shared = { clock, logger, loads, served };
    this.#retrieval = new InForce({
      ...shared,
      role: 'retrieval',
      load: (candidate) => ServedVersion.load(candidate, options),
    });
    this.#ranking = new InForce({
      ...shared,
      role: 'ranking',
      load: (candidate) =>
        ServedRanker.load(candidate, { dataDirectory, modules: modules?.map(({ view }) => view) }),
    });
  }

  static async open(options: VersionsOptions): Promise<VersionsFollower> {
    const versions = new VersionsFollower(options);
    const apply = (record: TopicRecord<string, Version>) => versions.#apply(record);
    const follower = await TopicFollower.open(options, options.topics.versions, apply);
    versions.#follower = follower;
    follower.caughtUp.then(
      () => versions.#update(),
      () => {},
    );
    return versions;
  }

  /** The version in use, held until it is released; undefined when there is none. */
  acquire(): ServedVersion | undefined {
    return this.#retrieval.acquire();
  }

  /** The same for the one that ranks. */
  acquireRanker(): ServedRanker | undefined {
    return this.#ranking.acquire();
  }

  get current(): string | undefined {
    return this.#retrieval.current;
  }

  get ranker(): string | undefined {
    return this.#ranking.current;
  }

  /** The version that a rollback would return to, where it is loaded. */
  get warm(): string | undefined {
    return this.#retrieval.warm;
  }

  /** Resolves when what was promoted before has been loaded or refused. */
  async settled(): Promise<void> {
    await this.#follower?.caughtUp;
    await Promise.all(this.#roles.map((role) => role.settled()));
  }

  notReady(): string | undefined {
    return this.#follower?.notReady() ?? this.#retrieval.notReady() ?? this.#ranking.notReady();
  }

  /** Resolves when no request uses a version any more. */
  async close(): Promise<void> {
    await this.#follower?.close();
    await Promise.all(this.#roles.map((role) => role.close()));
  }

  get #roles(): readonly InForce<Served>[] {
    return [this.#retrieval, this.#ranking] as unknown as readonly InForce<Served>[];
  }

  #apply({ value }: TopicRecord<string, Version>): void {
    if (value === null) return;
    const role = value.candidate.role === 'ranking' ? this.#ranking : this.#retrieval;
    role.note(value);
    // While the topic's past is read, most of what was promoted has been superseded.
    if (this.#follower !== undefined && this.#follower.notReady() === undefined) role.update();
  }

  #update(): void {
    for (const role of this.#roles) role.update();
  }
}
