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
  /** The version that put the items of the index in their order and scored them; null where the one that found them did. */
  ranker: string | null;
  /** Null, or the code of what kept the user's rows from being read: the items are the popular ones. */
  degraded: string | null;
};

export type AnsweredItem = {
  item_id: string;
  score: number;
  source: CandidateSource;
  /** Probability with which the item was put at this place; 1 where ranking is deterministic. */
  propensity: number | null;
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
  protocol: string;
  metrics: Record<string, number>;
  popularity: Record<string, number>;
  decayed_popularity: Record<string, number>;
  /** What it is used for: one version is in force in each role. */
  role: VersionRole;
  /** The run that trained it. */
  run_id: string | null;
  /** Of its own metrics, where they were computed. */
  intervals: Record<string, MetricInterval>;
  /** Null where no version was in force. */
  production: ProductionComparison | null;
};

export type CandidateSource = 'index' | 'popular';

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
  /** Of that version now; null where it is unknown. */
  status: VersionStatus | null;
  accepted: boolean;
  /** Of what was refused: the code of the error. */
  code: string | null;
  /** Of what was refused: why; of a version that is rejected or waits: why. */
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

/** Of the moment itself. */
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

export type Device = 'mobile' | 'desktop' | 'tablet' | 'tv' | 'other';

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
  /** Of the user and the item’s category; null for an item without one. */
  category: UserCategoryFeatures | null;
  /** Of the user and the item. */
  pair: UserItemFeatures | null;
  /** Of the catalogue, as admitted. */
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

/** New labels of an example whose outcome came after its window had closed. Topic `example-corrections`. */
export type ExampleCorrection = {
  /** Of the example. */
  event_id: string;
  user_id: string;
  item_id: string;
  /** Of the example. */
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
  /** Of the event, as admitted. */
  ts: number;
  /** As published. */
  own_ts: number;
  request_id: string | null;
  /** Of the item. */
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
  /** Its name: minimum, lift or production. */
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
  /** The command that asked for it; null for the schedule. */
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
  /** Of the item. */
  duration_ms: number | null;
};

/** How the decayed popularity of all items is distributed. Topic `popularity-ranks`. */
export type PopularityRanks = {
  /** Event time: every event before it is counted. */
  ts: number;
  /** Canonical encoding of the counts by score bucket. */
  histogram: Buffer;
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

/** One training that was asked for, as it stands. Topic `runs`: only the active trainer writes it. */
export type Run = {
  run_id: string;
  /** Of this event. */
  ts: number;
  /** The same for runs of several models that were asked for at once: they share the snapshot. */
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
  /** Of the pipeline. */
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
};

export type RunStatus = 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';

export type RunStep = {
  name: string;
  status: RunStatus;
  attempts: number;
  started: number | null;
  ended: number | null;
  /** Of the last attempt that failed, or why it was skipped: code and message. */
  error: string | null;
};

export type RunTrigger = 'command' | 'schedule' | 'count' | 'snapshot';

/** Items that the user had not taken to, drawn for each positive example. */
export type SampledNegatives = {
  /** For each positive, of all items of the time alike. */
  uniform: number;
  /** For each positive, as often as items had positives before. */
  by_popularity: number;
  seed: number;
  rows: number;
};

/** What is kept of an answer, for the positions of the items that it showed. */
export type ServedItems = {
  /** Ids in the order of the answer. */
  items: string[];
  propensities: (number | null)[];
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
  /** The command that asked for it; null for the schedule and for those that were asked for nowhere on the log. */
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
};

export type SplitKind = 'per_user_last' | 'by_time';

/** An example that waits for what comes of it. */
export type UnlabelledExample = {
  /** As in ExampleRequest. */
  head: Buffer;
  /** ItemFeatures, as they stand in an example. */
  item: Buffer;
  item_id: string;
  /** Of its event, as admitted. */
  ts: number;
  /** Of its event, as published. */
  own_ts: number;
  request_id: string | null;
  /** Of the item. */
  duration_ms: number | null;
  /** Of the item's popularity; null without any. */
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
  /** Who asked for it; null where the gate decided by itself. */
  actor: string | null;
  /** Of one that is promoted: the version whose place it takes. */
  previous: string | null;
  /** Of one that is evaluated, in the order of the gates. */
  gates: GateResult[];
};

export type VersionRole = 'retrieval' | 'ranking';

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
  ArchiveFile: ArchiveFile;
  Candidate: Candidate;
  Command: Command;
  CommandAnswer: CommandAnswer;
  DeadLetter: DeadLetter;
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
  Outcome: Outcome;
  PopularityRanks: PopularityRanks;
  PromotionHistory: PromotionHistory;
  RankChanges: RankChanges;
  RanksInForce: RanksInForce;
  RecentEvents: RecentEvents;
  RecentOutcomes: RecentOutcomes;
  Run: Run;
  RunProgress: RunProgress;
  ServedItems: ServedItems;
  Snapshot: Snapshot;
  UnlabelledExample: UnlabelledExample;
  User: User;
  UserCategoryFeatures: UserCategoryFeatures;
  UserFeatures: UserFeatures;
  UserItemFeatures: UserItemFeatures;
  UserPrivacy: UserPrivacy;
  Version: Version;
  ViewState: ViewState;
};
