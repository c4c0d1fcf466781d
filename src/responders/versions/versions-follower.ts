import type { TopicRecord } from '#engine';
import type { AnyView } from '#features';
import type { Objectives } from '#models';
import type { Candidate, Version } from '#schemas';
import type { SharedFiles } from '#storage';
import type { Topics } from '#topologies';
import type { FeatureReader } from '../features/feature-reader.ts';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import type { ViewStore } from '../view-store/port.ts';
import { Comparisons, type VersionComparison } from './comparisons.ts';
import { InForce, type RefusedVersion, type Served } from './in-force.ts';
import { type AnswerMade, isObserved, observedAnswer } from './observed-answer.ts';
import { type Proving, proveVersion } from './prove-version.ts';
import { RecordedRequests } from './recorded-requests.ts';
import { type Replay, replayFound, replayRanked } from './replay.ts';
import { ServedRanker } from './served-ranker.ts';
import { ServedVersion } from './served-version.ts';
import { type ShadowRole, Shadows } from './shadows.ts';

export type VersionsOptions = FollowerEnvironment & {
  readonly topics: Pick<Topics, 'versions' | 'indexes' | 'item-vectors' | 'shadow-scores'>;
  readonly dataDirectory: string;
  readonly files?: SharedFiles | undefined;
  readonly views: ViewStore;
  /** The views of modules. */
  readonly modules?: readonly { readonly view: AnyView }[];
  /** What rankers rank by that predict more than one thing. */
  readonly objectives?: Objectives | undefined;
  /** What rankers are replayed by. */
  readonly features: FeatureReader;
  /** Part of the requests that staged versions score as well; 0: none is loaded. */
  readonly shadow: number;
};

type Loaders = {
  readonly retrieval: (candidate: Candidate) => Promise<ServedVersion>;
  readonly ranking: (candidate: Candidate) => Promise<ServedRanker>;
};

/**
 * Follows the topic of versions and serves the ones promoted last: one that finds items, and where there are some, one that ranks
 * them and one that knows which go with one another. Versions that find or rank are warmed up by recorded requests and compared
 * with those in use before they take their places.
 */
export class VersionsFollower {
  readonly #retrieval: InForce<ServedVersion>;
  readonly #ranking: InForce<ServedRanker>;
  readonly #similar: InForce<ServedVersion>;
  readonly #recorded = new RecordedRequests();
  readonly #comparisons: Comparisons;
  readonly #proving: Proving;
  #shadows: Shadows | undefined;
  #follower: TopicFollower<Version> | undefined;

  private constructor(options: VersionsOptions, loaders: Loaders) {
    const { features, clock, logger, metrics } = options;
    this.#comparisons = new Comparisons(metrics);
    const loads = metrics.counter('version_loads_total', 'Versions loaded, or refused by code.', ['outcome']);
    const served = metrics.gauge('version_served', 'The version in use.', ['version', 'role']);
    const shared = { clock, logger, loads, served };
    this.#proving = { recorded: this.#recorded, comparisons: this.#comparisons, clock, logger };
    const { retrieval, ranking } = loaders;
    this.#retrieval = new InForce({
      ...shared,
      role: 'retrieval',
      load: async (candidate) =>
        this.#proven(await retrieval(candidate), { inForce: this.#retrieval, replayOf: replayFound }),
    });
    this.#similar = new InForce({ ...shared, role: 'similar', load: retrieval });
    this.#ranking = new InForce({
      ...shared,
      role: 'ranking',
      load: async (candidate) =>
        this.#proven(await ranking(candidate), {
          inForce: this.#ranking,
          replayOf: (version) => replayRanked(version, features),
        }),
    });
  }

  static async open(options: VersionsOptions): Promise<VersionsFollower> {
    const loaders = loadersOf(options);
    const versions = new VersionsFollower(options, loaders);
    if (options.shadow > 0) versions.#shadows = await openShadows(options, loaders, versions.#comparisons);
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

  /** The same for the one that knows which items go with one another. */
  acquireSimilar(): ServedVersion | undefined {
    return this.#similar.acquire();
  }

  /** Notes an answer that was made, to prove versions by and to be scored by those that are staged. */
  observe(answer: AnswerMade): void {
    if (!isObserved(answer)) return;
    this.#recorded.add(answer.request.userId, () => observedAnswer(answer).request);
    this.#shadows?.offer(observedAnswer(answer));
  }

  /** Forgets the requests of a user. */
  forget(userId: string): void {
    this.#recorded.forget(userId);
    this.#shadows?.forget(userId);
  }

  /** The last comparison of each role, of a swap and of a staged version. */
  get comparisons(): readonly VersionComparison[] {
    return this.#comparisons.all;
  }

  get current(): string | undefined {
    return this.#retrieval.current;
  }

  get ranker(): string | undefined {
    return this.#ranking.current;
  }

  /** The features that the version that ranks is given, in the order of its columns. */
  get rankerFeatures(): readonly string[] {
    const ranker = this.acquireRanker();
    try {
      return ranker?.features ?? [];
    } finally {
      ranker?.release();
    }
  }

  /** The version that a rollback would return to, where it is loaded. */
  get warm(): string | undefined {
    return this.#retrieval.warm;
  }

  /** Versions of any role that were promoted after the ones in use, and cannot be loaded. */
  get refused(): readonly RefusedVersion[] {
    return this.#roles.flatMap(({ refused }) => refused);
  }

  /** Resolves when what was promoted before has been loaded or refused. */
  async settled(): Promise<void> {
    await this.#follower?.caughtUp;
    await Promise.all(this.#roles.map((role) => role.settled()));
  }

  notReady(): string | undefined {
    return this.#follower?.notReady() ?? this.#roles.map((role) => role.notReady()).find(Boolean);
  }

  /** Resolves when no request uses a version any more. */
  async close(): Promise<void> {
    await this.#follower?.close();
    await this.#shadows?.close();
    await Promise.all(this.#roles.map((role) => role.close()));
  }

  get #roles(): readonly InForce<Served>[] {
    return [this.#retrieval, this.#ranking, this.#similar] as unknown as readonly InForce<Served>[];
  }

  #apply({ value }: TopicRecord<string, Version>): void {
    if (value === null) return;
    const { role: name } = value.candidate;
    const role = { retrieval: this.#retrieval, ranking: this.#ranking, similar: this.#similar }[name];
    role.note(value);
    this.#shadows?.note(value);
    // While the topic's past is read, most of what was promoted has been superseded.
    if (this.#follower === undefined || this.#follower.notReady() !== undefined) return;
    role.update();
    this.#shadows?.update();
  }

  #update(): void {
    for (const role of this.#roles) role.update();
    this.#shadows?.update();
  }

  /** Retires one that cannot be proven. */
  async #proven<T extends Served>(
    version: T,
    { inForce, replayOf }: { readonly inForce: InForce<T>; readonly replayOf: (version: T) => Replay },
  ): Promise<T> {
    const inUse = inForce.acquire();
    const replayed = (each: T) => ({ id: each.id, replay: replayOf(each) });
    try {
      await proveVersion(this.#proving, inForce.role, {
        version: replayed(version),
        inUse: inUse && replayed(inUse),
      });
      return version;
    } catch (error) {
      await version.retire();
      throw error;
    } finally {
      inUse?.release();
    }
  }
}

function loadersOf(options: VersionsOptions): Loaders {
  const { dataDirectory, files, modules, objectives } = options;
  const views = modules?.map(({ view }) => view);
  return {
    retrieval: (candidate) => ServedVersion.load(candidate, options),
    ranking: (candidate) =>
      ServedRanker.load(candidate, { dataDirectory, files, objectives, modules: views }),
  };
}

function openShadows(options: VersionsOptions, loaders: Loaders, comparisons: Comparisons): Promise<Shadows> {
  const { clock, metrics, features, shadow: share } = options;
  const logger = options.logger.child({ staged: true });
  const shared = {
    ...{ clock, logger, keepsBefore: false },
    loads: metrics.counter('shadow_loads_total', 'Staged versions loaded, or refused by code.', ['outcome']),
    served: metrics.gauge('version_shadowed', 'The staged version that scores a sample of the requests.', [
      'version',
      'role',
    ]),
  };
  const retrieval: ShadowRole<ServedVersion> = {
    role: 'retrieval',
    staged: new InForce({ ...shared, role: 'retrieval', load: loaders.retrieval }),
    replayOf: replayFound,
  };
  const ranking: ShadowRole<ServedRanker> = {
    role: 'ranking',
    staged: new InForce({ ...shared, role: 'ranking', load: loaders.ranking }),
    replayOf: (version) => replayRanked(version, features),
  };
  return Shadows.open({ ...options, logger, comparisons, share }, retrieval, ranking);
}
