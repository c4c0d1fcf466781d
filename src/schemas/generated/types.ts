// Generated from src/schemas/avro by `npm run generate`; not to be edited.

/** What was recommended, to whom, by which version. Topic `answers`. */
export type Answer = {
  request_id: string;
  user_id: string;
  /** ms since the epoch. */
  ts: number;
  /** Null when no version is loaded. */
  version: string | null;
  k: number;
  items: AnsweredItem[];
  latency_ms: number;
};

export type AnsweredItem = {
  item_id: string;
  score: number;
  source: CandidateSource;
};

/** A trained version as its trainer reports it. */
export type Candidate = {
  /** Hash of the version's manifest. */
  version: string;
  snapshot_id: string;
  /** Kind of model: two-tower. */
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
};

export type CandidateSource = 'index' | 'popular';

/** A request to a task that owns a decision. Topic `commands`. */
export type Command = {
  command_id: string;
  /** ms since the epoch. */
  ts: number;
  kind: CommandKind;
  /** For train. */
  seed: number | null;
  /** For publish. */
  candidate: Candidate | null;
};

export type CommandKind = 'train' | 'publish';

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

/** One training row: a positive event, with everything known strictly before its ts. */
export type Example = {
  event_id: string;
  user_id: string;
  item_id: string;
  kind: InteractionKind;
  value: number | null;
  weight: number;
  /** Event time of the positive. */
  ts: number;
  request_id: string | null;
  user: UserFeatures;
  profile: Profile | null;
  item: ItemFeatures;
};

/** A positive event on its way to its item's features: the user's side of an example. */
export type ExampleRequest = {
  event: Interaction;
  /** As of strictly before the event. */
  user: UserFeatures;
  profile: Profile | null;
};

export type Gender = 'unknown' | 'female' | 'male' | 'other';

/** Something a user did, or was shown. Topic `interactions` as published, `interactions-accepted` as admitted. */
export type Interaction = {
  /** Unique per user; a second event with the same id has no effect. */
  event_id: string;
  user_id: string;
  /** Null for a search only. */
  item_id: string | null;
  kind: InteractionKind;
  /** Rating (1 to 5), quiz score (0 to 1), purchase amount. */
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

/** The finished row of view item-features. */
export type ItemFeatures = {
  impressions: number;
  views: number;
  clicks: number;
  completes: number;
  likes: number;
  ratings: number;
  skips: number;
  rating_mean: number | null;
  /** Clicks over impressions, smoothed. */
  ctr: number;
  /** Events that count as interest. */
  positives: number;
  /** Positives, decayed with a half-life of 7 days. */
  popularity: number;
  days_since_last: number | null;
};

export type ItemType = 'video' | 'article' | 'quiz' | 'product' | 'movie' | 'other';

export type OffsetRange = {
  topic: string;
  partition: number;
  start: number;
  /** Exclusive. */
  end: number;
};

export type Profile = {
  age: number | null;
  gender: Gender;
  occupation: string | null;
  country: string | null;
};

export type RecentEvent = {
  event_id: string;
  ts: number;
};

/** What admission remembers of a user: the ids of the last 24 hours of events, for deduplication. */
export type RecentEvents = {
  /** In the order of admission; none older than the horizon before the newest. */
  events: RecentEvent[];
};

/** A training snapshot: Parquet files and what they stand for. Topic `snapshots`. */
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
  train_rows: number;
  test_rows: number;
  views: ViewVersion[];
};

export type SnapshotFile = {
  name: string;
  rows: number;
  bytes: number;
  sha256: string;
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

/** The finished row of view user-features. */
export type UserFeatures = {
  events: number;
  views: number;
  clicks: number;
  completes: number;
  likes: number;
  ratings: number;
  skips: number;
  rating_mean: number | null;
  watch_ms: number;
  /** Completes over views, smoothed. */
  completion_rate: number;
  /** Distinct items of interest (positive events), newest first, at most 50. */
  recent_items: string[];
  days_since_last: number | null;
};

/** A step in the life of a version. Topic `versions`; the registry is a view of it. */
export type Version = {
  version: string;
  status: VersionStatus;
  /** ms since the epoch. */
  ts: number;
  /** The command that led here. */
  command_id: string;
  /** Why it was rejected or rolled back. */
  reason: string | null;
  candidate: Candidate;
};

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
};

/** Each record that is the value of a topic or a part of one, by its name. */
export type SchemaTypes = {
  Answer: Answer;
  Candidate: Candidate;
  Command: Command;
  DeadLetter: DeadLetter;
  Example: Example;
  ExampleRequest: ExampleRequest;
  Interaction: Interaction;
  Item: Item;
  ItemFeatures: ItemFeatures;
  RecentEvents: RecentEvents;
  Snapshot: Snapshot;
  User: User;
  UserFeatures: UserFeatures;
  Version: Version;
  ViewState: ViewState;
};
