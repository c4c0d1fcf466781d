/** Every topic of the product: what it carries, by what it is keyed, how it is cut and how long it is kept. */
import type { SchemaName } from './avro-schemas.ts';
import type { SchemaTypes } from './generated/types.ts';
import { viewKeys } from './generated/view-keys.ts';

/** The log's cleanup, stated here by shape because this room lies below the engine. */
export type TopicCleanup =
  | { readonly policy: 'delete'; readonly retentionMs: number | null }
  | { readonly policy: 'compact'; readonly tombstoneRetentionMs: number };

export type TopicDefinition = {
  readonly name: string;
  /** What the key is, as UTF-8. */
  readonly key: string;
  /** The record that a value is. */
  readonly schema: SchemaName;
  readonly partitions: number;
  readonly cleanup: TopicCleanup;
};

const DAY_MS = 86_400_000;
const keptDays = (days: number) => ({ policy: 'delete', retentionMs: days * DAY_MS }) as const;
const keptForEver = { policy: 'delete', retentionMs: null } as const;
const compacted = { policy: 'compact', tombstoneRetentionMs: 7 * DAY_MS } as const;

type ViewTopicName = keyof typeof viewKeys;

/** The states of each feature view's rows. */
const viewTopics = Object.fromEntries(
  Object.entries(viewKeys).map(([name, key]) => {
    return [name, { name, key, schema: 'ViewState', partitions: 4, cleanup: compacted }];
  }),
) as {
  readonly [N in ViewTopicName]: {
    readonly name: N;
    readonly key: (typeof viewKeys)[N];
    readonly schema: 'ViewState';
    readonly partitions: 4;
    readonly cleanup: typeof compacted;
  };
};

export const topics = {
  interactions: {
    name: 'interactions',
    key: 'user_id',
    schema: 'Interaction',
    partitions: 4,
    cleanup: keptDays(90),
  },
  'interactions-accepted': {
    name: 'interactions-accepted',
    key: 'user_id',
    schema: 'Interaction',
    partitions: 4,
    cleanup: keptDays(90),
  },
  items: { name: 'items', key: 'item_id', schema: 'Item', partitions: 4, cleanup: compacted },
  users: { name: 'users', key: 'user_id', schema: 'User', partitions: 4, cleanup: compacted },
  ...viewTopics,
  'popularity-ranks': {
    name: 'popularity-ranks',
    key: 'ranks',
    schema: 'PopularityRanks',
    partitions: 1,
    cleanup: keptDays(90),
  },
  'segment-popularity': {
    name: 'segment-popularity',
    key: 'segment',
    schema: 'SegmentPopularity',
    partitions: 1,
    cleanup: compacted,
  },
  'feature-views': {
    name: 'feature-views',
    key: 'name and version',
    schema: 'FeatureViewVersion',
    partitions: 1,
    cleanup: compacted,
  },
  'privacy-decisions': {
    name: 'privacy-decisions',
    key: 'user_id',
    schema: 'UserPrivacy',
    partitions: 4,
    cleanup: compacted,
  },
  privacy: { name: 'privacy', key: 'user_id', schema: 'UserPrivacy', partitions: 4, cleanup: compacted },
  examples: { name: 'examples', key: 'user_id', schema: 'Example', partitions: 4, cleanup: keptDays(365) },
  'example-corrections': {
    name: 'example-corrections',
    key: 'user_id',
    schema: 'ExampleCorrection',
    partitions: 4,
    cleanup: keptDays(365),
  },
  'archive-files': {
    name: 'archive-files',
    key: 'path',
    schema: 'ArchiveFile',
    partitions: 1,
    cleanup: compacted,
  },
  snapshots: {
    name: 'snapshots',
    key: 'snapshot_id',
    schema: 'Snapshot',
    partitions: 1,
    cleanup: keptForEver,
  },
  commands: { name: 'commands', key: 'command_id', schema: 'Command', partitions: 1, cleanup: keptDays(30) },
  'command-answers': {
    name: 'command-answers',
    key: 'command_id',
    schema: 'CommandAnswer',
    partitions: 1,
    cleanup: keptDays(30),
  },
  runs: { name: 'runs', key: 'run_id', schema: 'Run', partitions: 1, cleanup: compacted },
  'run-progress': {
    name: 'run-progress',
    key: 'run_id',
    schema: 'RunProgress',
    partitions: 1,
    cleanup: keptDays(30),
  },
  versions: { name: 'versions', key: 'version', schema: 'Version', partitions: 1, cleanup: keptForEver },
  indexes: { name: 'indexes', key: 'version', schema: 'IndexBuild', partitions: 1, cleanup: compacted },
  'item-vectors': {
    name: 'item-vectors',
    key: 'version and item_id',
    schema: 'ItemVector',
    partitions: 1,
    cleanup: compacted,
  },
  answers: { name: 'answers', key: 'user_id', schema: 'Answer', partitions: 4, cleanup: keptDays(30) },
  'shadow-scores': {
    name: 'shadow-scores',
    key: 'request_id',
    schema: 'ShadowScores',
    partitions: 4,
    cleanup: keptDays(30),
  },
  'answer-outcomes': {
    name: 'answer-outcomes',
    key: 'hour, partition, version, ranker and variant',
    schema: 'AnswerOutcomes',
    partitions: 4,
    cleanup: compacted,
  },
  'answer-contents': {
    name: 'answer-contents',
    key: 'hour, partition, version, ranker and variant',
    schema: 'AnswerContents',
    partitions: 4,
    cleanup: compacted,
  },
  vault: {
    name: 'vault',
    key: "HMAC of user_id, or 'lookup-key'",
    schema: 'VaultRecord',
    partitions: 1,
    cleanup: compacted,
  },
  'api-keys': { name: 'api-keys', key: 'name', schema: 'ApiKey', partitions: 1, cleanup: compacted },
  'dead-letters': {
    name: 'dead-letters',
    key: 'topic',
    schema: 'DeadLetter',
    partitions: 1,
    cleanup: keptDays(30),
  },
  'dead-letter-outcomes': {
    name: 'dead-letter-outcomes',
    key: 'topic, partition and offset of the failed record',
    schema: 'DeadLetterOutcome',
    partitions: 1,
    cleanup: compacted,
  },
  'job-runs': { name: 'job-runs', key: 'run_id', schema: 'JobRun', partitions: 1, cleanup: compacted },
  jobs: { name: 'jobs', key: 'job', schema: 'JobState', partitions: 1, cleanup: compacted },
  'job-requests': {
    name: 'job-requests',
    key: 'job',
    schema: 'JobRequest',
    partitions: 1,
    cleanup: keptDays(30),
  },
  audit: { name: 'audit', key: 'act', schema: 'AuditEvent', partitions: 1, cleanup: keptDays(365) },
} as const satisfies { readonly [name: string]: TopicDefinition };

export type TopicName = keyof typeof topics;

/** What a record of topic `N` decodes to. */
export type TopicValue<N extends TopicName> = SchemaTypes[(typeof topics)[N]['schema']];
