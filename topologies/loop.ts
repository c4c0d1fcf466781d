import { type Stream, type Topic, type Topology, TopologyBuilder } from '#engine';
import { type AnyView, type FeatureTtls, featureViews, isPositive, versionedName, withTtls } from '#features';
import { partitionFor, type SchemaRegistry } from '#log';
import {
  type AdmissionOptions,
  acceptedEvents,
  admission,
  answerQuality,
  type EnrichmentOptions,
  type ExampleWeights,
  exampleRequests,
  type GateOptions,
  inSegments,
  itemViews,
  labelledExamples,
  ofKnownUser,
  outcomeOf,
  outcomes,
  popularityRanks,
  RANK_TTL_MS,
  segmentPopularity,
  segmentVisits,
  startsExample,
  userViews,
  type ViewTopic,
  versions,
  withItemFacts,
} from '#processors';
import { avroSchema, type Interaction, type RankChanges, type TopicName } from '#schemas';
import { finishedRowsTopic, publishFinishedRows } from './finished-rows.ts';
import { type InternalValues, internalValues } from './internal-values.ts';
import type { Topics } from './topics.ts';

export type LoopOptions = {
  readonly admission: Omit<AdmissionOptions & EnrichmentOptions, 'count'> & {
    /** Told what became of events: see AdmissionOptions and EnrichmentOptions. */
    readonly count: (outcome: AdmissionOutcome) => void;
  };
  readonly gate: GateOptions;
  /** An example waits 30 minutes of event time for what comes of it unless told otherwise. */
  readonly examples?: { readonly outcomeWindowMs?: number; readonly weights?: ExampleWeights };
  /** As for answers. */
  readonly featureTtlMs?: FeatureTtls;
  /** Whether rows are published for consumers outside, too: see publishFinishedRows. Their topics are there already. */
  readonly publishRows?: boolean;
};

export type AdmissionOutcome =
  | Parameters<AdmissionOptions['count']>[0]
  | Parameters<EnrichmentOptions['count']>[0];

/** Generation of the state and of what passes between tasks; raised when the state of an earlier one can't be used as it is. */
export const LOOP_GENERATION = 4;
/** What an event passes until it is an example: it waits in one of these at a time. */
export const EXAMPLE_PATH: readonly string[] = [
  'interactions',
  'interactions-accepted',
  `loop-${LOOP_GENERATION}-examples-by-item-repartition`,
  `loop-${LOOP_GENERATION}-examples-by-user-repartition`,
];
/**
 * How long an example waits for what comes of it unless told otherwise, in event time. An imported world ends so long
 * after its last event, or its last examples would wait for ever.
 */
export const OUTCOME_WINDOW_MS = 1_800_000;

/**
 * From events to features, examples and versions:
 *
 *   interactions, privacy -> admission -> (item facts) -> interactions-accepted
 *   interactions-accepted -> user-views -> (profile) -> examples-by-item
 *                         -> events-by-item -> item-views -> examples-by-user, rank-changes
 *   rank-changes -> popularity-ranks -> ranks-by-partition
 *   outcomes-by-user, answers, examples-by-user, ranks-by-partition -> outcomes -> examples, example-corrections
 *   interactions -> admission -> (segments) -> visits-by-segment -> segment-popularity
 *   outcomes-by-user, answers -> answer-quality -> answer-outcomes, answer-contents
 *   commands -> versions, command-answers
 *
 * Each line but the second is tasks of its own, and answer-quality shares those of outcomes. Time flows down: no task waits
 * for a watermark that depends on its own.
 */
export async function loopTopology(
  topics: Topics,
  registry: SchemaRegistry,
  options: LoopOptions,
): Promise<Topology> {
  const values = await internalValues(registry, LOOP_GENERATION);
  const loop = new TopologyBuilder({ name: 'loop', generation: LOOP_GENERATION });
  const { outcomeWindowMs = OUTCOME_WINDOW_MS, weights = {} } = options.examples ?? {};
  const { dedupHorizonMs } = options.admission;
  const { featureTtlMs = {} } = options;
  const topicOf = (view: AnyView) => viewTopic(topics, view, featureTtlMs);

  const { events, decisions, visits } = admit(loop, topics, values, options.admission);
  const { started } = loop.process('user-views', userViews(topicOf, topics.privacy.value), {
    events,
    decisions,
  });
  const exampleSchema = await registry.register('examples-value', avroSchema('Example'));
  const requests = started
    .join('with-profile', loop.table(topics.users), exampleRequests(exampleSchema, weights))
    .keyBy('examples-by-item', ({ item_id }) => item_id, {
      value: values['example-request'],
      release: 'at-watermark',
    });

  const { examples, changes } = loop.process(
    'item-views',
    itemViews(topicOf, { outcomeWindowMs }, values['rank-changes']),
    {
      events: events
        .filter(({ item_id }) => item_id !== null)
        .keyBy('events-by-item', ({ item_id }) => item_id ?? '', {
          value: acceptedEvents(topics.interactions.value),
        }),
      requests,
    },
  );
  const reactions = outcomesByUser(events, values);
  const answers = loop.table(topics.answers).toStream();
  const labelled = loop.process(
    'outcomes',
    outcomes(
      {
        outcomeWindowMs,
        dedupHorizonMs,
        rankTtlMs: featureTtlMs['popularity-rank.popularity_rank'] ?? RANK_TTL_MS,
      },
      { recent: values['recent-outcomes'], served: values['served-items'], ranks: values['ranks-in-force'] },
    ),
    {
      outcomes: reactions,
      answers,
      ranks: rank(loop, topics, values, changes),
      examples: examples.keyBy('examples-by-user', (_, key) => key, {
        value: values['unlabelled-example'],
        release: 'at-watermark',
      }),
    },
  );
  const value = labelledExamples(topics.examples.value, exampleSchema);
  labelled.examples.to({ ...topics.examples, value }, { heartbeat: true });
  labelled.corrections.to(topics['example-corrections']);
  const quality = { outcomes: topics['answer-outcomes'], contents: topics['answer-contents'] };
  loop.process(
    'answer-quality',
    answerQuality(
      { windowMs: outcomeWindowMs, partitions: topics.answers.partitions },
      quality,
      values['open-answer'],
    ),
    {
      answers,
      reactions: reactions.filter(({ request_id }) => request_id !== null),
    },
  );

  loop.process(
    'segment-popularity',
    segmentPopularity({ weight: values['segment-weight'], top: topics['segment-popularity'] }),
    {
      visits: visits.keyBy('visits-by-segment', ({ segment }) => segment, {
        value: values['segment-visit'],
        // Some hundreds of keys, of which a few get most: more tasks would have nothing to do.
        partitions: topics['segment-popularity'].partitions,
      }),
    },
  );

  const commands = loop.source(topics.commands);
  const kept = { version: topics.versions.value, promotions: values.promotions };
  const decided = loop.process('versions', versions(options.gate, kept), { commands });
  decided.versions.to(topics.versions);
  decided.answers.to(topics['command-answers']);

  if (options.publishRows) {
    for (const view of featureViews) {
      const states = topics[versionedName(view) as TopicName] as Topics['user-features-2'];
      const rows = await finishedRowsTopic(registry, view);
      publishFinishedRows(loop, withTtls(view, featureTtlMs), states, rows);
    }
  }
  return loop.build();
}

/** Accepted events as their topic has them, and what users decide over their data. */
function admit(
  loop: TopologyBuilder,
  topics: Topics,
  values: InternalValues,
  options: LoopOptions['admission'],
) {
  const interactions = loop.source(topics.interactions, {
    watermark: { outOfOrderMs: options.latenessMs, futureMs: options.futureMs },
    future: 'pass',
  });
  const users = loop.globalTable(topics.users);
  const { accepted, decisions } = loop.process(
    'admission',
    admission(options, values['recent-events'], topics.privacy),
    { interactions, privacy: loop.table(topics.privacy).toStream() },
  );
  const known = accepted
    .leftJoinGlobal(
      'with-item-facts',
      loop.globalTable(topics.items),
      ({ value }) => value.item_id,
      withItemFacts(options),
    )
    .leftJoinGlobal('of-known-user', users, ({ key }) => key, ofKnownUser(options));
  known.to(topics['interactions-accepted'], { partitioning: 'same', heartbeat: true });
  // For views that are built later: at the event time from which on a decision holds.
  decisions.to(topics['privacy-decisions']);
  return {
    // Users are looked up here, where what depends on arrival is decided: the views' tasks can be rebuilt from the log.
    visits: known
      .filter(isPositive)
      .leftJoinGlobal('with-segments', users, ({ key }) => key, inSegments)
      .flatMap(segmentVisits),
    events: loop.source(acceptedTopic(topics), { watermark: 'carried' }),
    // A table, so that the events' watermark does not wait for partitions in which nothing is decided.
    decisions: loop.repartition('decisions-by-user', decisions.from, ({ key }) => key as string, {
      value: topics.privacy.value,
      role: 'table',
      time: 'table',
    }),
  };
}

function acceptedTopic(topics: Topics): Topic<string, Interaction> {
  const topic = topics['interactions-accepted'];
  return { ...topic, value: acceptedEvents(topic.value) };
}

/** Publishes the ranks of items; gives them to each partition's examples. */
function rank(
  loop: TopologyBuilder,
  topics: Topics,
  values: InternalValues,
  changes: Stream<string, RankChanges>,
) {
  const { partitions } = topics.examples;
  const { published, broadcast } = loop.process(
    'popularity-ranks',
    popularityRanks(keysOfPartitions(partitions), {
      changes: values['rank-changes'],
      ranks: topics['popularity-ranks'].value,
    }),
    {
      changes: changes.keyBy('rank-changes', (_, key) => key, {
        value: values['rank-changes'],
        partitions: 1,
      }),
    },
  );
  published.to(topics['popularity-ranks']);
  return broadcast.keyBy('ranks-by-partition', (_, key) => key, {
    value: topics['popularity-ranks'].value,
    partitions,
  });
}

/** What labels need of events, to tasks that may wait for examples while the views go on. */
function outcomesByUser(events: Stream<string, Interaction>, values: InternalValues) {
  return events
    .flatMap((event) => (startsExample(event) ? [outcomeOf(event)] : []))
    .keyBy('outcomes-by-user', (_, key) => key, { value: values.outcome });
}

function viewTopic(topics: Topics, view: AnyView, featureTtlMs: FeatureTtls): ViewTopic {
  const { name, value } = topics[versionedName(view) as TopicName] as Topics['user-features-2'];
  return { name, value, featureTtlMs };
}

/** A key of each partition of a topic. */
function keysOfPartitions(partitions: number): readonly string[] {
  const keys = new Map<number, string>();
  for (let i = 0; keys.size < partitions; i++) {
    const partition = partitionFor(String(i), partitions);
    if (!keys.has(partition)) keys.set(partition, String(i));
  }
  return [...keys.values()];
}
