// Generated from schemas/avro by `npm run generate`; not to be edited.

/** What was recommended, to whom, by which version. Topic `answers`. */
export type Answer = {
  request_id: string;
  /** Empty where the one who asked is not known; the key is then the request_id. */
  user_id: string;
  /** ms since the epoch. */
  ts: number;
  /** Null when no version is loaded. */
  version: string | null;
  k: number;
  items: AnsweredItem[];
  latency_ms: number;
  /** The version that put the candidates in their order and scored them; null where the one that found them did. */
  ranker: string | null;
  /** Null, or the code of the first thing that was missing: rows, version, ranker or time. */
  degraded: string | null;
  /** Variant of the user's experiment; null outside experiments. */
  variant: string | null;
  /** What the request said of itself. */
  context: InteractionContext | null;
  session_id: string | null;
  /** The item that was being looked at. */
  current_item: string | null;
  /** The category that was being looked at; the answer keeps to it. */
  category: string | null;
  /** What the items were chosen from, those that could be shown in the order of their scores; empty where the answer was not sampled for it. */
  candidates: AnsweredCandidate[];
  /** Candidates taken out, by filter. */
  drops: Record<string, number>;
  /** Time that the features are of, ms of the world's clock; null where no ranker read any. */
  features_ts: number | null;
  /** Whether it repeats an answer of moments before. */
  cached: boolean;
};

/** What the answers of an hour by one version, ranker and variant consisted of. Topic `answer-contents`: each partition has a row for its own users, and rows of one key are merged.`. */
export type AnswerContents = {
  /** Start of the hour of the answers, ms since the epoch. */
  hour: number;
  /** Partition of the answered users; add up the rows of all partitions for an hour, version, ranker and variant. */
  partition: number;
  /** The version that found the items; null where there was none. */
  version: string | null;
  /** The version that put them in order; null where the one that found them did. */
  ranker: string | null;
  /** Variant of the experiment; null outside experiments. */
  variant: string | null;
  /** A HyperLogLog sketch of the ids of their items: 1,024 registers, a byte each. */
  items: Buffer;
  /** Scores of the items that a model scored. */
  scores: ValueCounts;
  /** What the ranker was given of these items, by column; empty where answers do not keep it. */
  inputs: ValueCounts[];
};

/** What came of the answers of an hour by one version, ranker and variant. Topic `answer-outcomes`: each partition has a row for its own users, and rows of one key are added up.`. */
export type AnswerOutcomes = {
  /** Start of the hour of the answers, ms since the epoch. */
  hour: number;
  /** Partition of the answered users; add up the rows of all partitions for an hour, version, ranker and variant. */
  partition: number;
  /** The version that found the items; null where there was none. */
  version: string | null;
  /** The version that put them in order; null where the one that found them did. */
  ranker: string | null;
  /** Variant of the experiment; null outside experiments. */
  variant: string | null;
  answers: number;
  /** Answers to users that the log has no name for: no event can be joined with these, and `answered` does not count their items. */
  unknown_users: number;
  /** Answers that say so. */
  degraded: number;
  /** In the order of their names. */
  sources: SourceOutcomes[];
  /** In the order of the buckets. */
  chances: ChanceOutcomes[];
};

export type AnsweredCandidate = {
  item_id: string;
  /** All that found it. */
  sources: CandidateSource[];
  /** By the first of them, on its own scale. */
  source_score: number;
  /** By the ranker, or else by the version that finds items; null where neither scored it. */
  score: number | null;
  /** Which filter took it out; null for one that could be shown. */
  dropped: string | null;
};

export type AnsweredItem = {
  item_id: string;
  score: number;
  /** Where it was found first; `promoted` where configuration placed it, and not its score. */
  source: CandidateSource;
  /** Probability with which the item was put at this place; 1 where ranking is deterministic. */
  propensity: number | null;
  /** The features that the ranker scored it by, in the order of the ranker's inputs, null for a missing value; null where only the hash is kept, or no ranker scored the item. */
  features: (number | string | null)[] | null;
  /** Hash of those features, kept or not: the first 16 hexadecimal digits of a SHA-256; null if no ranker scored the item. */
  features_hash: string | null;
};

/** An API key of a service. Topic `api-keys`, compacted; the key itself is nowhere. */
export type ApiKey = {
  /** Whose it is. */
  name: string;
  /** SHA-256 of the key, hexadecimal. */
  hash: string;
  /** Roles and rights. */
  grants: string[];
  /** ms since the epoch. */
  created_ts: number;
  /** ms since the epoch; null while the key is valid. */
  revoked_ts: number | null;
};

/** A Parquet file of the offline store, and what became of it. Topic `archive-files`: a file counts from the event on that says `written`, to the one that says otherwise. */
export type ArchiveFile = {
  /** Relative to the data directory. */
  path: string;
  table: string;
  /** Event date of its rows, UTC, as YYYY-MM-DD; of a table of states, the date up to which they have come. */
  date: string;
  /** replaced: its rows are in another file. dropped: its rows are past their retention. */
  status: ArchiveFileStatus;
  /** From its first to its last record in each partition; of a table of states, of the events that they were folded from. */
  offsets: OffsetRange[];
  rows: number;
  bytes: number;
  sha256: string;
  /** Fingerprint of the schema of its rows, hexadecimal. */
  schema: string;
  /** When this became of it, ms since the epoch. */
  ts: number;
};

export type ArchiveFileStatus = 'written' | 'replaced' | 'dropped';

/** An act of an operator. Topic `audit`. */
export type AuditEvent = {
  /** Such as dead-letters retry. */
  act: string;
  /** ms since the epoch. */
  ts: number;
  /** Who did it: a user of the machine, or the caller of a route. */
  actor: string;
  /** What it was done to; users are named by their pseudonyms. */
  subject: string;
  details: Record<string, string>;
  result: AuditResult;
  /** Error code, if the act failed. */
  code: string | null;
};

export type AuditResult = 'done' | 'failed';

export type BucketChange = {
  bucket: number;
  /** More than before; never 0. */
  items: number;
};

/** A trained version as its trainer reports it. */
export type Candidate = {
  /** Hash of the version's manifest. */
  version: string;
  snapshot_id: string;
  /** Kind of model: two-tower, sequential, or external for one that was published from a directory. */
  model: string;
  /** Relative to the data directory. */
  directory: string;
  dimension: number;
  /** Rows of the index. */
  items: number;
  /** What it consists of beside items, by name: trees and columns of boosted trees. */
  sizes: Record<string, number>;
  protocol: string;
  metrics: Record<string, number>;
  popularity: Record<string, number>;
  decayed_popularity: Record<string, number>;
  /** What it is used for: one version is in force in each role. */
  role: VersionRole;
  /** The run that trained it. */
  run_id: string | null;
  /** Intervals of its own metrics, where they were computed. */
  intervals: Record<string, MetricInterval>;
  /** Null where no version was in force. */
  production: ProductionComparison | null;
};

export type CandidateSource =
  | 'index'
  | 'popular'
  | 'trending'
  | 'new'
  | 'followed_category'
  | 'popular_in_country'
  | 'popular_in_cohort'
  | 'co_visited'
  | 'promoted';

/** Shown items that the ranker scored, by score. */
export type ChanceOutcomes = {
  /** Bucket of the score: sign, exponent and three bits of the mantissa. */
  bucket: number;
  shown: number;
  /** Sum of the scores, times a million. */
  millionths: number;
  /** Clicked, or more. */
  taken: number;
};

/** A column of the examples; lists by their lengths. */
export type ColumnQuality = {
  name: string;
  /** Share of rows without a value. */
  missing: number;
  distinct: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  /** Population stability index against the compared snapshot, over its deciles or categories; null where there is none or too little. */
  psi: number | null;
  /** Kolmogorov-Smirnov statistic of the two, for numbers. */
  ks: number | null;
};

/** A request to a task that owns a decision. Topic `commands`. */
export type Command = {
  command_id: string;
  /** ms since the epoch. */
  ts: number;
  kind: CommandKind;
  /** For train. */
  seed: number | null;
  /** For publish and for archive, which takes a version out of use for good. */
  candidate: Candidate | null;
  /** For train: also on a suspect snapshot. */
  force: boolean;
  /** For snapshot. */
  snapshot: SnapshotRequest | null;
  /** For promote; for rollback the version in force that is to go, where null the one of retrieval. */
  version: string | null;
  /** Who asks: a user of the machine, or of the API. */
  actor: string | null;
  /** Why, in the words of who asks. */
  reason: string | null;
  /** For archive: refuse it for a version in force, and for the one that a rollback returns to. */
  only_unused: boolean;
  /** For train and cancel. */
  run: RunRequest | null;
};

/** What became of a command to the registry of versions. Topic `command-answers`. */
export type CommandAnswer = {
  command_id: string;
  /** ms since the epoch. */
  ts: number;
  kind: CommandKind;
  /** The version that it was about. */
  version: string | null;
  /** The version's current status; null if the version is unknown. */
  status: VersionStatus | null;
  accepted: boolean;
  /** Error code, if the command was refused. */
  code: string | null;
  /** Why the command was refused, or why the version is rejected or waits. */
  reason: string | null;
};

export type CommandKind =
  | 'train'
  | 'publish'
  | 'snapshot'
  | 'archive'
  | 'promote'
  | 'rollback'
  | 'cancel'
  | 'reindex';

/** Features of the time of the event. */
export type ContextFeatures = {
  /** 0 to 23, UTC. */
  hour: number;
  /** 0 (Monday) to 6, UTC. */
  weekday: number;
  device: Device | null;
  country: string | null;
  language: string | null;
  /** Events of the session before this one. */
  session_position: number;
};

/** A record that could not be processed. Topic `dead-letters`. */
export type DeadLetter = {
  topic: string;
  partition: number;
  offset: number;
  operator: string;
  /** Stable code. */
  reason: string;
  message: string;
  /** The record's timestamp. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
};

export type DeadLetterFate = 'retried' | 'dropped';

/** What became of a dead letter. Topic `dead-letter-outcomes`, compacted, by topic, partition and offset of the record that failed. */
export type DeadLetterOutcome = {
  outcome: DeadLetterFate;
  /** ms since the epoch. */
  ts: number;
  /** Who decided it. */
  actor: string;
};

export type Device = 'mobile' | 'desktop' | 'tablet' | 'tv' | 'other';

export type EarlyReaction = {
  item_id: string;
  seen: number;
  /** As admitted. */
  ts: number;
};

/** One training row: an impression or a positive event, with everything known strictly before its ts, and what came of it. Topic `examples`. */
export type Example = {
  event_id: string;
  user_id: string;
  item_id: string;
  kind: InteractionKind;
  value: number | null;
  weight: number;
  /** Event time. */
  ts: number;
  request_id: string | null;
  user: UserFeatures;
  profile: Profile | null;
  /** Features of the user with the item’s category; null for an item without one. */
  category: UserCategoryFeatures | null;
  /** Features of the user with the item. */
  pair: UserItemFeatures | null;
  /** Facts of the item from the catalogue, as admitted. */
  facts: ItemFacts | null;
  context: ContextFeatures | null;
  item: ItemFeatures;
  /** Percentile of the item’s decayed popularity among all items, as last published before ts. */
  popularity_rank: number | null;
  /** Place in the answer that showed it, from 0; null where no answer is known. */
  position: number | null;
  /** As the answer says. */
  propensity: number | null;
  labels: Labels | null;
};

/** New labels for an example whose outcome arrived after its window closed. Topic `example-corrections`. */
export type ExampleCorrection = {
  /** Event id of the example. */
  event_id: string;
  user_id: string;
  item_id: string;
  /** Timestamp of the example. */
  ts: number;
  labels: Labels;
};

/** The last fields of Example, which are known last: they are written behind the others' bytes. */
export type ExampleEnding = {
  popularity_rank: number | null;
  position: number | null;
  propensity: number | null;
  labels: Labels | null;
};

/** The first fields of Example, the user’s side: they are written once, and travel as the bytes that they will be. */
export type ExampleHead = {
  event_id: string;
  user_id: string;
  item_id: string;
  kind: InteractionKind;
  value: number | null;
  weight: number;
  ts: number;
  request_id: string | null;
  user: UserFeatures;
  profile: Profile | null;
  category: UserCategoryFeatures | null;
  pair: UserItemFeatures | null;
  facts: ItemFacts | null;
  context: ContextFeatures | null;
};

/** The fields of Example between ExampleHead and ExampleEnding, the item’s side. */
export type ExampleItem = {
  item: ItemFeatures;
};

/** An example on its way to its item’s features. */
export type ExampleRequest = {
  /** ExampleHead, as it stands in a record of `examples`, with the header of that. */
  head: Buffer;
  user_id: string;
  item_id: string;
  /** Timestamp of the event, as admitted. */
  ts: number;
  /** As published. */
  own_ts: number;
  request_id: string | null;
  /** Duration of the item. */
  duration_ms: number | null;
};

export type FeatureViewStatus = 'building' | 'live' | 'retired' | 'dropped';

/** A step in the life of a version of a feature view. Topic `feature-views`, keyed by `<name>-<version>`, compacted. */
export type FeatureViewVersion = {
  name: string;
  version: number;
  entity: string;
  owner: string;
  description: string;
  status: FeatureViewStatus;
  /** Hash of the declaration: what the row is, and how it is aggregated. */
  declaration: string;
  /** ms since the epoch. */
  ts: number;
};

/** What one condition of promotion found. */
export type GateResult = {
  /** Its name: minimum, few-rows, lift or production. */
  gate: string;
  metric: string;
  /** What the candidate reached; null where it does not have the metric. */
  value: number | null;
  /** The least that passes. */
  threshold: number | null;
  passed: boolean;
};

export type Gender = 'unknown' | 'female' | 'male' | 'other';

/** An index of the whole catalogue by a version's item tower. Topic `indexes`, compacted: the last of each version is the one in use. */
export type IndexBuild = {
  /** The version whose vectors it holds. */
  version: string;
  /** ms since the epoch. */
  ts: number;
  /** The command that requested it; null for the schedule. */
  command_id: string | null;
  /** Hash of its manifest. */
  index: string;
  /** Relative to the data directory. */
  directory: string;
  items: number;
  /** Where records of `item-vectors` begin that it does not hold. */
  vectors_offset: number;
  /** Lists that a search looks at; null for an exact index. */
  probes: number | null;
  /** Measured with so many, at 100 against exact search. */
  recall: number | null;
};

/** Something a user did, or was shown. Topic `interactions` as published, `interactions-accepted` as admitted. */
export type Interaction = {
  /** Unique per user; a second event with the same id has no effect. */
  event_id: string;
  user_id: string;
  /** Null for a search only. */
  item_id: string | null;
  kind: InteractionKind;
  /** Rating (0.5 to 5), quiz score (0 to 1), purchase amount. */
  value: number | null;
  /** Time watched, ms. */
  watch_ms: number | null;
  session_id: string | null;
  /** The answer (request_id on `answers`) that led to this event. */
  request_id: string | null;
  context: InteractionContext;
  /** Event time, ms since the epoch. */
  ts: number;
  /** Set by admission where it moved a late event's ts up to the watermark: the ts as published. */
  original_ts: number | null;
  /** Set by admission, null for an item that the catalogue does not have: categories and tags of an event never change after it. */
  item: ItemFacts | null;
};

export type InteractionContext = {
  device: Device | null;
  /** ISO 3166-1 alpha-2. */
  country: string | null;
  /** BCP 47. */
  language: string | null;
};

export type InteractionKind =
  | 'impression'
  | 'view'
  | 'click'
  | 'complete'
  | 'like'
  | 'comment'
  | 'rating'
  | 'search'
  | 'skip'
  | 'purchase'
  | 'quiz_score';

/** An item of the catalogue. Topic `items`, compacted; a tombstone removes it. */
export type Item = {
  item_id: string;
  type: ItemType;
  title: string;
  category: string;
  tags: string[];
  duration_ms: number | null;
  /** 1 (easy) to 5. */
  difficulty: number | null;
  /** BCP 47. */
  language: string | null;
  available: boolean;
  /** Youngest age allowed; 0 for all. */
  age_limit: number;
  /** ms since the epoch. */
  created: number;
  /** Where it may be shown, ISO 3166-1 alpha-2; everywhere where it is empty. */
  countries: string[];
};

/** What the catalogue said of an item when the event was admitted. */
export type ItemFacts = {
  type: ItemType;
  category: string;
  tags: string[];
  duration_ms: number | null;
  difficulty: number | null;
  created: number;
};

/** The finished row of view item-features; generated from its declaration. */
export type ItemFeatures = {
  impressions: number;
  views: number;
  clicks: number;
  completes: number;
  likes: number;
  comments: number;
  ratings: number;
  skips: number;
  purchases: number;
  rating_mean: number | null;
  /** Clicks over impressions, smoothed. */
  ctr: number;
  /** Completes over views, smoothed. */
  completion_rate: number;
  /** Events that count as interest. */
  positives: number;
  /** Of the last 24 hours, in steps of 1 hour. */
  positives_24h: number;
  /** Of the last 7 days, in steps of 6 hours. */
  positives_7d: number;
  /** Of the last 30 days, in steps of 1 day. */
  positives_30d: number;
  /** Positives, decayed with a half-life of 7 days. */
  popularity: number;
  /** Since the newest positive. */
  days_since_last: number | null;
};

export type ItemType = 'video' | 'article' | 'quiz' | 'product' | 'movie' | 'other';

/** The vector that a version gives to an item which is new, or has changed, since its index was built. Topic `item-vectors`, compacted. */
export type ItemVector = {
  version: string;
  item_id: string;
  /** ms since the epoch. */
  ts: number;
  /** Floats of 32 bits, little-endian; null for an item that the catalogue has no more. */
  vector: Buffer | null;
};

/** What somebody asks of the scheduler. Topic `job-requests`. */
export type JobRequest = {
  request_id: string;
  /** ms since the epoch. */
  ts: number;
  job: string;
  /** Cancel ends the run that is under way, and those that wait. */
  kind: JobRequestKind;
  actor: string | null;
  reason: string | null;
};

export type JobRequestKind = 'run' | 'pause' | 'resume' | 'cancel';

/** One run of a job, as it stands. Topic `job-runs`: only the active scheduler writes it. */
export type JobRun = {
  run_id: string;
  /** When the run came to this state. */
  ts: number;
  job: string;
  /** Why: the time had come, so long ago was the last run, so many events were new, an event was on the log, a process started, somebody asked. */
  trigger: JobTrigger;
  /** More about that: the schedule, the event, who asked. */
  cause: string;
  status: JobRunStatus;
  /** Begun by now. */
  attempts: number;
  /** ms since the epoch, as all times. */
  created: number;
  started: number | null;
  ended: number | null;
  /** The process that carries it out. */
  owner: string | null;
  /** End offsets of topic interactions, partition by partition, when it was created: the next run by count is counted from there. */
  counted: number[];
  /** What it came to, in words. */
  outcome: string;
  /** The error of the last attempt that failed, or the reason why the run was skipped. */
  error_code: string | null;
  error: string | null;
};

export type JobRunStatus = 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';

/** Whether a job is paused. Topic `jobs`: only the active scheduler writes it. */
export type JobState = {
  job: string;
  /** ms since the epoch. */
  ts: number;
  paused: boolean;
  /** Who paused or resumed it. */
  actor: string | null;
  reason: string | null;
};

export type JobTrigger = 'cron' | 'interval' | 'count' | 'event' | 'start' | 'request';

/** What the user did with the item within the outcome window, the event itself included. */
export type Labels = {
  click: boolean;
  complete: boolean;
  like: boolean;
  /** Longest watch over the duration, at most 1; null without either. */
  watch_fraction: number | null;
  rating: number | null;
  /** Sum of the purchases. */
  purchase_value: number | null;
};

/** A mean over users with its 95% bootstrap interval. */
export type MetricInterval = {
  mean: number;
  low: number;
  high: number;
};

export type OffsetRange = {
  topic: string;
  partition: number;
  start: number;
  /** Exclusive. */
  end: number;
};

/** An answer whose outcome is awaited, of a user and a request. It stays within topology loop. */
export type OpenAnswer = {
  /** Null while only events of it have come. */
  answer: OpenAnswerFacts | null;
  /** Events that came before their answer. */
  early: EarlyReaction[];
};

export type OpenAnswerFacts = {
  ts: number;
  ranker: string | null;
  version: string | null;
  variant: string | null;
  items: OpenItem[];
};

export type OpenItem = {
  item_id: string;
  source: CandidateSource;
  /** The score, where the ranker made it. */
  chance: number | null;
  /** What has come of it, as bits: 1 shown, 2 clicked, 4 positive. */
  seen: number;
};

/** What labels are made of: the part of an accepted event that says what a user did with an item. It stays within topology loop. */
export type Outcome = {
  event_id: string;
  item_id: string;
  kind: InteractionKind;
  /** As admitted. */
  ts: number;
  /** As published: earlier than ts where the event came late. */
  own_ts: number;
  value: number | null;
  watch_ms: number | null;
  /** Duration of the item. */
  duration_ms: number | null;
  /** The answer that led to it; null in what is kept for labels, which do not depend on it. */
  request_id: string | null;
};

/** How the decayed popularity of all items is distributed. Topic `popularity-ranks`. */
export type PopularityRanks = {
  /** Event time: every event before it is counted. */
  ts: number;
  /** Canonical encoding of the counts by score bucket. */
  histogram: Buffer;
};

export type PositionOutcomes = {
  /** Items of answers. */
  answered: number;
  /** Those that an impression confirms. */
  shown: number;
  clicked: number;
  /** Completed, liked, commented, rated, bought or answered as a quiz. */
  positive: number;
};

export type PrivacyStatus = 'opted_in' | 'opted_out' | 'erased';

/** The version in force, judged on the same rows as the candidate. */
export type ProductionComparison = {
  version: string;
  metrics: Record<string, number>;
  /** By metric: the candidate's value less that of the version in force, user by user. None where that could not be judged. */
  differences: Record<string, MetricInterval>;
};

export type Profile = {
  age: number | null;
  gender: Gender;
  occupation: string | null;
  country: string | null;
};

/** The promotions of a role that a rollback can undo; kept by the registry of versions. */
export type PromotionHistory = {
  /** Oldest first; the last is in force. */
  versions: string[];
};

/** How the popularity of one partition's items has moved within an hour. */
export type RankChanges = {
  /** The end of the hour. */
  ts: number;
  /** Ascending. */
  buckets: BucketChange[];
};

/** The popularity ranks that examples to come can still ask for. */
export type RanksInForce = {
  /** Ascending by ts. */
  published: PopularityRanks[];
};

export type RecentEvent = {
  event_id: string;
  ts: number;
  /** Hash of what was published under the id. */
  body: number;
};

/** What admission remembers of a user for deduplication: the events of the last 24 hours, by a hash of their ids. A user of many has further rows, one for each bucket of hashes. */
export type RecentEvents = {
  /** As earlier releases wrote them: ids as they are. Empty since. */
  events: RecentEvent[];
  /** Over how many rows the hashes are spread; 1: they are in this one. */
  buckets: number;
  /** 18 bytes an event: 8 of a hash of its id, 6 of its time, 4 of the hash of what was published under the id. */
  seen: Buffer;
};

/** What a user did in a stretch of time, as published. */
export type RecentOutcomes = {
  /** In the order of admission. */
  events: Outcome[];
};

/** The current state of one requested training. Topic `runs`: only the active trainer writes it. */
export type Run = {
  run_id: string;
  /** Timestamp of this event. */
  ts: number;
  /** Equal for runs of several models that were requested together: they share the snapshot. */
  job_id: string;
  pipeline: RunPipeline;
  /** Why: somebody asked, the time had come, so many examples were new, a snapshot was announced. */
  trigger: RunTrigger;
  command_id: string | null;
  /** The search that it is a trial of. */
  search: string | null;
  /** Kind of model: two-tower, sequential. */
  model: string;
  seed: number;
  /** What differs from the defaults of the model, as JSON. */
  config: string;
  /** Also on a suspect snapshot. */
  force: boolean;
  /** Null until it is taken. */
  snapshot_id: string | null;
  /** The version whose weights it began with. */
  base: string | null;
  status: RunStatus;
  /** The step under way, or the one that it ended in. */
  step: string | null;
  steps: RunStep[];
  /** ms since the epoch, as all times. */
  created: number;
  started: number | null;
  ended: number | null;
  /** On the test part; of a trial, on the validation part. */
  metrics: Record<string, number>;
  intervals: Record<string, MetricInterval>;
  /** Sizes of what it has made, also of a trial: how many trees early stopping has kept. */
  sizes: Record<string, number>;
  /** What it has made. */
  version: string | null;
  /** Why it failed, was skipped or cancelled. */
  error: RunError | null;
};

export type RunError = {
  code: string;
  message: string;
  hint: string | null;
};

/** From scratch; from the weights of a version, on new examples alone; a trial, which is not published. */
export type RunPipeline = 'training' | 'refresh' | 'search';

/** A point of the curves of a run. Topic `run-progress`. */
export type RunProgress = {
  run_id: string;
  ts: number;
  /** Step of the pipeline. */
  step: string;
  /** From 1. */
  epoch: number;
  /** Updates done, over all epochs. */
  at_step: number;
  /** Updates in all. */
  of_steps: number;
  /** loss: the mean since the point before; epoch_loss and metrics by name: at the end of an epoch. */
  values: Record<string, number>;
};

export type RunRequest = {
  /** For cancel: the run to be given up. */
  run_id: string | null;
  /** For train; empty for those of the configuration. */
  models: string[];
  /** What differs from the configuration, as JSON. */
  config: string;
  /** To be trained on; null takes one. */
  snapshot_id: string | null;
  /** The search that it is a trial of: it is judged on the validation part and not published. */
  search: string | null;
  /** Null for training, and for search where that is given. */
  pipeline: RunPipeline | null;
  /** Why a job requests the run; null if a person does. */
  trigger: RunTrigger | null;
};

export type RunStatus = 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';

export type RunStep = {
  name: string;
  status: RunStatus;
  attempts: number;
  started: number | null;
  ended: number | null;
  /** Code and message of the last failed attempt, or of why it was skipped. */
  error: string | null;
};

export type RunTrigger = 'command' | 'schedule' | 'count' | 'snapshot';

/** Items that the user had not taken to, drawn for each positive example. */
export type SampledNegatives = {
  /** For each positive, of all items of the time alike. */
  uniform: number;
  /** For each positive, as often as items had positives before. */
  by_popularity: number;
  /** For each positive, as often as users had items along with the user's last ones before. */
  by_co_visits: number;
  /** For each positive, as the sources of an answer beside the index would have found them then. */
  by_sources: number;
  seed: number;
  rows: number;
};

export type SegmentItem = {
  item_id: string;
  /** Logarithm to base 2 of its positive events, where one counts half as much as one 28 days later; the same at any time. */
  score: number;
};

/** The items that users of a country or of a cohort took to most. Topic `segment-popularity`. */
export type SegmentPopularity = {
  /** Best first, equal ones by id. */
  items: SegmentItem[];
};

/** Interest in an item by a user of a segment; internal to topology loop. */
export type SegmentVisit = {
  segment: string;
  item_id: string;
};

/** How much users of a segment took to an item; internal to topology loop. */
export type SegmentWeight = {
  /** An unsigned integer, highest byte first: see processors/segment-popularity.ts. */
  weight: Buffer;
};

/** What is kept of an answer, for the positions of the items that it showed. */
export type ServedItems = {
  /** Ids in the order of the answer. */
  items: string[];
  propensities: (number | null)[];
};

export type ShadowScore = {
  item_id: string;
  /** By the version that answered; null where it did not find the item. */
  score: number | null;
  /** By the staged version; null where it did not find the item. */
  shadow_score: number | null;
};

/** Scores of a staged version for a request that another version answered. Topic `shadow-scores`; the answer is the one on topic `answers` with the same request id. */
export type ShadowScores = {
  request_id: string;
  /** When they were computed, ms since the epoch. */
  ts: number;
  role: VersionRole;
  /** The version of this role that answered; null where none did. */
  version: string | null;
  /** The staged version. */
  shadow: string;
  /** What either found, or the candidates that were ranked. */
  items: ShadowScore[];
  /** Share of the first ten items that both have; null where no version of this role answered. */
  overlap: number | null;
  /** Spearman rank correlation over the items that both scored; null where there is none. */
  correlation: number | null;
  /** Mean absolute difference of the scores of these items; null where there are none. */
  difference: number | null;
};

/** A training snapshot: Parquet files and what they stand for. Topic `snapshots`; a record without a value retires the snapshot. */
export type Snapshot = {
  snapshot_id: string;
  /** When it was taken. */
  ts: number;
  /** Relative to the data directory. */
  directory: string;
  files: SnapshotFile[];
  offsets: OffsetRange[];
  /** Examples with a ts before this are complete. */
  watermark: number;
  /** How train and test were split. */
  protocol: string;
  /** Examples of each part of the split. */
  train_rows: number;
  validation_rows: number;
  test_rows: number;
  views: ViewVersion[];
  /** The command that requested it; null for the schedule and for requests that are not on the log. */
  command_id: string | null;
  negatives: SampledNegatives | null;
  /** Users left out because they have opted out or were erased. */
  excluded_users: number;
  vocabulary: VocabularySizes | null;
  /** The snapshot that drift was measured against. */
  compared_with: string | null;
  columns: ColumnQuality[];
  /** Why nobody should train on it without a look; empty where nothing speaks against it. */
  suspect: string[];
};

export type SnapshotFile = {
  name: string;
  rows: number;
  bytes: number;
  sha256: string;
};

/** What differs from the configuration. */
export type SnapshotRequest = {
  split: SplitKind | null;
  uniform_negatives: number | null;
  popular_negatives: number | null;
  co_visit_negatives: number | null;
  source_negatives: number | null;
};

export type SourceOutcomes = {
  source: CandidateSource;
  /** By place in the answer, from 0; the last counts all that follow. */
  positions: PositionOutcomes[];
};

export type SplitKind = 'per_user_last' | 'by_time';

/** An example that waits for what comes of it. */
export type UnlabelledExample = {
  /** As in ExampleRequest. */
  head: Buffer;
  /** ItemFeatures, as they stand in an example. */
  item: Buffer;
  item_id: string;
  /** Timestamp of the event, as admitted. */
  ts: number;
  /** Timestamp of the event, as published. */
  own_ts: number;
  request_id: string | null;
  /** Duration of the item. */
  duration_ms: number | null;
  /** Bucket of the item's popularity; null without any. */
  score_bucket: number | null;
};

/** A user's profile. Topic `users`, compacted; a tombstone removes it. */
export type User = {
  user_id: string;
  age: number | null;
  gender: Gender;
  /** A code of the producer's own list, not free text. */
  occupation: string | null;
  country: string | null;
  language: string | null;
  /** ms since the epoch. */
  created: number;
};

/** The finished row of view user-category-features; generated from its declaration. */
export type UserCategoryFeatures = {
  events: number;
  /** Events that count as interest. */
  positives: number;
  /** Positives, decayed with a half-life of 30 days. */
  affinity: number;
  days_since_last: number | null;
};

/** The finished row of view user-features; generated from its declaration. */
export type UserFeatures = {
  events: number;
  views: number;
  clicks: number;
  completes: number;
  likes: number;
  comments: number;
  ratings: number;
  skips: number;
  purchases: number;
  quizzes: number;
  searches: number;
  /** Of the last hour, in steps of 5 minutes. */
  events_1h: number;
  /** Of the last 24 hours, in steps of 1 hour. */
  events_24h: number;
  /** Of the last 7 days, in steps of 6 hours. */
  events_7d: number;
  /** Of the last 30 days, in steps of 1 day. */
  events_30d: number;
  /** Events by hour of the day, 24 counts from midnight, UTC. */
  hours: number[];
  /** Events by day of the week, 7 counts from Monday, UTC. */
  weekdays: number[];
  rating_mean: number | null;
  quiz_score_mean: number | null;
  watch_ms: number;
  /** Over the events that say how long was watched. */
  watch_ms_mean: number | null;
  /** Completes over views, smoothed. */
  completion_rate: number;
  /** The 5 categories with most positive events, greatest first. */
  favourite_categories: string[];
  /** The 10 tags with most positive events, greatest first. */
  favourite_tags: string[];
  /** Distinct items of interest (positive events), newest first, at most 50. */
  recent_items: string[];
  /** The newest 20 recent items, while the user is about. */
  session_items: string[];
  /** Events of the open session; one closes after 30 minutes of silence. */
  session_position: number;
  /** From the first to the newest event of the open session. */
  session_ms: number;
  days_since_last: number | null;
};

/** The finished row of view user-item-features; generated from its declaration. */
export type UserItemFeatures = {
  events: number;
  impressions: number;
  /** Events that count as interest. */
  positives: number;
  days_since_last: number | null;
};

/** What a user has decided. Topic `privacy`, compacted; a user without a record is opted in. */
export type UserPrivacy = {
  /** The pseudonym. */
  user_id: string;
  status: PrivacyStatus;
  /** ms since the epoch. */
  ts: number;
};

/** Counts of numbers, in buckets of sign, exponent and three bits of the mantissa. */
export type ValueCounts = {
  /** Values that are none. */
  missing: number;
  /** Ascending. */
  buckets: number[];
  /** Count of each bucket. */
  counts: number[];
};

/** A user's key, or the key that users are looked up with, sealed under a master key. Topic `vault`, compacted. */
export type VaultRecord = {
  /** Which master key opens it. */
  master_key: string;
  /** AES-256-GCM: nonce of 12 bytes, ciphertext of 32, tag of 16; the record's key is its associated data. */
  sealed: Buffer;
};

/** A step in the life of a version. Topic `versions`; the registry is a view of it. */
export type Version = {
  version: string;
  status: VersionStatus;
  /** ms since the epoch. */
  ts: number;
  /** The command that led here. */
  command_id: string;
  /** Why it was rejected, rolled back or archived. */
  reason: string | null;
  candidate: Candidate;
  /** Who requested it; null where the gate decided by itself. */
  actor: string | null;
  /** The version it replaces, if it is promoted. */
  previous: string | null;
  /** Results of the gates, in their order, once it is evaluated. */
  gates: GateResult[];
};

export type VersionRole = 'retrieval' | 'ranking' | 'similar';

export type VersionStatus =
  | 'registered'
  | 'evaluated'
  | 'staged'
  | 'promoted'
  | 'rejected'
  | 'rolled_back'
  | 'archived';

/** A row of a feature view: exact aggregation state up to the watermark, and the events since. `finish(state, now)` makes the features. */
export type ViewState = {
  /** Canonical encoding of the view's aggregations, folded up to the watermark. */
  state: Buffer;
  /** Events at or after the watermark, ordered by (ts, event_id). */
  pending: Interaction[];
};

export type ViewVersion = {
  name: string;
  version: number;
  /** SHA-256 of what the row is, hexadecimal. */
  declaration: string;
};

export type VocabularySizes = {
  users: number;
  items: number;
  categories: number;
  tags: number;
};

/** Each record that is the value of a topic or a part of one, by its name. */
export type SchemaTypes = {
  Answer: Answer;
  AnswerContents: AnswerContents;
  AnswerOutcomes: AnswerOutcomes;
  ApiKey: ApiKey;
  ArchiveFile: ArchiveFile;
  AuditEvent: AuditEvent;
  Candidate: Candidate;
  Command: Command;
  CommandAnswer: CommandAnswer;
  DeadLetter: DeadLetter;
  DeadLetterOutcome: DeadLetterOutcome;
  Example: Example;
  ExampleCorrection: ExampleCorrection;
  ExampleEnding: ExampleEnding;
  ExampleHead: ExampleHead;
  ExampleItem: ExampleItem;
  ExampleRequest: ExampleRequest;
  FeatureViewVersion: FeatureViewVersion;
  IndexBuild: IndexBuild;
  Interaction: Interaction;
  Item: Item;
  ItemFeatures: ItemFeatures;
  ItemVector: ItemVector;
  JobRequest: JobRequest;
  JobRun: JobRun;
  JobState: JobState;
  OpenAnswer: OpenAnswer;
  Outcome: Outcome;
  PopularityRanks: PopularityRanks;
  PromotionHistory: PromotionHistory;
  RankChanges: RankChanges;
  RanksInForce: RanksInForce;
  RecentEvents: RecentEvents;
  RecentOutcomes: RecentOutcomes;
  Run: Run;
  RunProgress: RunProgress;
  SegmentPopularity: SegmentPopularity;
  SegmentVisit: SegmentVisit;
  SegmentWeight: SegmentWeight;
  ServedItems: ServedItems;
  ShadowScores: ShadowScores;
  Snapshot: Snapshot;
  UnlabelledExample: UnlabelledExample;
  User: User;
  UserCategoryFeatures: UserCategoryFeatures;
  UserFeatures: UserFeatures;
  UserItemFeatures: UserItemFeatures;
  UserPrivacy: UserPrivacy;
  VaultRecord: VaultRecord;
  Version: Version;
  ViewState: ViewState;
};
