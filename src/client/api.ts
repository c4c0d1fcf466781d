// Generated from docs/openapi.json by `npm run generate`; not to be edited.

export type AnswerQuality = {
  readonly version: string | null;
  readonly ranker: string | null;
  /** Variant of the experiment; null outside experiments. */
  readonly variant: string | null;
  readonly answers: number;
  /** Answers to users that the log does not know. */
  readonly unknown_users: number;
  readonly degraded: number;
  /** Items in answers to users that the log knows. */
  readonly answered: number;
  /** Those that an impression with the request id confirms. */
  readonly shown: number;
  readonly clicked: number;
  /** Completed, liked, commented, rated, bought, or answered as a quiz. */
  readonly positive: number;
  /** Clicked of those shown; of those answered where nobody publishes impressions. */
  readonly click_rate: number | null;
  readonly sources: readonly {
    readonly source: string;
    /** Items in answers to users that the log knows. */
    readonly answered: number;
    /** Those that an impression with the request id confirms. */
    readonly shown: number;
    readonly clicked: number;
    /** Completed, liked, commented, rated, bought, or answered as a quiz. */
    readonly positive: number;
    /** Clicked of those shown; of those answered where nobody publishes impressions. */
    readonly click_rate: number | null;
  }[];
  /** By place in the answer, from 0; the 21st is all that follow. */
  readonly positions: readonly {
    /** Items in answers to users that the log knows. */
    readonly answered: number;
    /** Those that an impression with the request id confirms. */
    readonly shown: number;
    readonly clicked: number;
    /** Completed, liked, commented, rated, bought, or answered as a quiz. */
    readonly positive: number;
    /** Clicked of those shown; of those answered where nobody publishes impressions. */
    readonly click_rate: number | null;
  }[];
  /** Chances that the ranker gave to shown items, and what came true; null where it gives none. */
  readonly calibration: {
    readonly shown: number;
    readonly expected: number;
    readonly taken: number;
    readonly error: number;
    readonly deciles: readonly {
      readonly shown: number;
      readonly expected: number;
      readonly taken: number;
    }[];
  } | null;
  /** About how many different items were in the answers. */
  readonly distinct_items: number;
  readonly scores: {
    readonly count: number;
    readonly p10: number | null;
    readonly p50: number | null;
    readonly p90: number | null;
    readonly drift: {
      /** Population stability index: 0.1 is a shift worth a look, 0.25 a large one. */
      readonly psi: number;
      /** What it is measured against: what the version learned from, or the first hour kept. */
      readonly reference: 'snapshot' | 'first-hour';
    } | null;
  };
};

/** Either the answer, or why there is none for this request. */
export type BatchAnswer = {
  /** The user is null for a session. */
  readonly answer?: {
    /** Events that the answer leads to carry it. */
    readonly request_id: string;
    /** When the answer was given, ms since the epoch. */
    readonly ts: number;
    /** The version in use; null when there is none. */
    readonly version: string | null;
    /** The version that put the items in order; null where the one in use did. */
    readonly ranker: string | null;
    /** The code of the first thing that was missing: rows, version, ranker or time. */
    readonly degraded: string | null;
    readonly user_id: string | null;
    readonly k: number;
    /** In the order to be shown; fewer than k when there are no more that may be shown. */
    readonly items: readonly RecommendedItem[];
    readonly latency_ms: number;
  };
  readonly error?: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
  };
};

/** What found the item first: the version in use (index), or one of the other sources. */
export type CandidateSource = 'index' | 'popular' | 'trending' | 'new' | 'followed_category' | 'popular_in_country' | 'popular_in_cohort' | 'co_visited' | 'promoted';

/** By what, where and in which language it is asked. */
export type Context = {
  readonly device?: 'mobile' | 'desktop' | 'tablet' | 'tv' | 'other' | null | undefined;
  readonly country?: string | null | undefined;
  readonly language?: string | null | undefined;
};

export type Decided = {
  readonly command: string;
  readonly version: string | null;
  readonly status: string | null;
};

/** What a user did. */
export type Event = {
  /** An event whose id the log already has counts once; generated if absent. */
  readonly event_id?: string | null | undefined;
  readonly user_id: string;
  /** Required by most kinds. */
  readonly item_id?: string | null | undefined;
  readonly kind: 'impression' | 'view' | 'click' | 'complete' | 'like' | 'comment' | 'rating' | 'search' | 'skip' | 'purchase' | 'quiz_score';
  /** The rating, 0.5 to 5. */
  readonly value?: number | null | undefined;
  readonly watch_ms?: number | null | undefined;
  readonly session_id?: string | null | undefined;
  /** Request id of the answer that led to the event. */
  readonly request_id?: string | null | undefined;
  readonly context?: Context | null | undefined;
  /** When it happened, ms since the epoch; now if absent. */
  readonly ts?: number | null | undefined;
};

export type Explanation = {
  readonly request_id: string;
  readonly item_id: string;
  readonly ts: number;
  /** not_kept: it was not shown, and the event does not keep what else there was. */
  readonly outcome: 'shown' | 'not_shown' | 'dropped' | 'not_found' | 'not_kept';
  /** In the answer, from 1. */
  readonly place: number | null;
  /** Among the candidates by their scores, from 1. */
  readonly rank: number | null;
  readonly candidates: number | null;
  readonly source: string | null;
  readonly sources: readonly string[];
  readonly source_score: number | null;
  readonly score: number | null;
  readonly propensity: number | null;
  /** The filter that took it out. */
  readonly dropped: string | null;
  readonly version: string | null;
  readonly ranker: string | null;
  readonly variant: string | null;
  readonly degraded: string | null;
  readonly contributions: {
    /** The version that scored the item. */
    readonly version: string;
    /** Exact Shapley values of trees; of other models, by a fixed sample of orders. */
    readonly method: 'tree-shap' | 'sampled-shapley';
    /** What base and contributions add up to. */
    readonly scale: 'score' | 'before calibration';
    /** The score of one of whom and which nothing is known. */
    readonly base: number;
    readonly total: number;
    /** As the model answers. */
    readonly score: number;
    /** Greatest first. */
    readonly parts: readonly {
      readonly name: string;
      readonly value: number | string | null;
      readonly contribution: number;
    }[];
    /** Recomputed features are those of the time of the answer by the rows as they are now; matches: they hash to what the answer’s event says. */
    readonly features: {
      readonly origin: 'logged' | 'recomputed';
      readonly matches: boolean | null;
    } | null;
    /** Whether the model arrives at the score of the answer. */
    readonly reproduces: boolean | null;
  } | null;
  /** Why there are no contributions. */
  readonly unexplained: string | null;
  readonly features_ts: number | null;
  readonly record: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  };
  readonly lineage: readonly {
    readonly version: string;
    readonly role: string;
    readonly model: string;
    readonly run_id: string | null;
    readonly directory: string;
    /** Null for a version that was trained elsewhere. */
    readonly snapshot_id: string | null;
    /** Null where it was retired. */
    readonly snapshot: {
      readonly ts: number;
      readonly watermark: number;
      readonly offsets: readonly {
        readonly topic: string;
        readonly partition: number;
        readonly start: number;
        readonly end: number;
      }[];
      readonly views: readonly {
        readonly name: string;
        readonly version: number;
        readonly declaration: string;
      }[];
    } | null;
  }[];
};

export type FeatureRow = {
  readonly features: Readonly<Record<string, unknown>>;
  /** Where there is no row, the features are those of an entity of which nothing is known. */
  readonly found: boolean;
  /** From the newest event in the row to now. */
  readonly freshness_ms: number | null;
  /** Features at their default because the row is too old for them. */
  readonly expired: readonly string[];
};

export type Features = {
  /** The moment that the features are of, ms. */
  readonly ts: number;
  readonly user?: {
    readonly user_id: string;
    readonly views: RowsByView;
  };
  readonly items?: readonly {
    readonly item_id: string;
    readonly views: RowsByView;
  }[];
  readonly context?: {
    readonly hour: number;
    readonly weekday: number;
    readonly device: 'mobile' | 'desktop' | 'tablet' | 'tv' | 'other' | null;
    readonly country: string | null;
    readonly language: string | null;
    readonly session_position: number;
  };
};

/** What to leave out, beside what may not be shown at all. */
export type Filters = {
  /** BCP 47; items without a language pass. */
  readonly languages?: readonly string[] | undefined;
  /** Since items came to the catalogue. */
  readonly max_age_days?: number | undefined;
  /** The only items that may be shown. */
  readonly allow?: readonly string[] | undefined;
  /** Items that may not be shown. */
  readonly deny?: readonly string[] | undefined;
};

export type JobRun = {
  readonly run_id: string;
  /** When the run last changed; ms since the epoch, as are all times. */
  readonly ts: number;
  readonly job: string;
  readonly trigger: 'cron' | 'interval' | 'count' | 'event' | 'start' | 'request';
  readonly cause: string;
  readonly status: 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  readonly attempts: number;
  readonly created: number;
  readonly started: number | null;
  readonly ended: number | null;
  /** The process that carries it out. */
  readonly owner: string | null;
  readonly outcome: string;
  readonly error_code: string | null;
  readonly error: string | null;
};

/** As `millrace jobs --json` prints it. */
export type ListedJob = {
  readonly job: string;
  readonly about: string;
  /** Empty for a job that is run by hand alone. */
  readonly when: readonly string[];
  readonly overlap: 'skip' | 'queue' | 'replace';
  readonly deadline_ms: number | null;
  readonly retries: number;
  readonly paused: boolean;
  /** The next time of a schedule. */
  readonly next: number | null;
  readonly last: JobRun | null;
};

export type ListedTopic = {
  readonly topic: string;
  readonly partitions: number;
  /** Offsets from the first to the last readable one. */
  readonly records: number;
  readonly retention: string;
  /** Records that the processors have not committed yet. */
  readonly lag: number | null;
};

/** As `millrace versions --json` prints it, with what came of its answers. */
export type ListedVersion = {
  readonly version: string;
  readonly status: string;
  /** Whether it is in force. */
  readonly serving: boolean;
  readonly role: string;
  /** Kind of model. */
  readonly kind: string;
  /** When the status last changed, ms since the epoch. */
  readonly ts: number;
  readonly actor: string | null;
  readonly reason: string | null;
  /** Metrics by name. */
  readonly model: Readonly<Record<string, number>>;
  readonly popularity: Readonly<Record<string, number>>;
  readonly decayedPopularity: Readonly<Record<string, number>>;
  /** Outcomes of the items that it found or ranked in the last day’s answers. */
  readonly lastDay: {
    /** Items in answers to users that the log knows. */
    readonly answered: number;
    /** Those that an impression with the request id confirms. */
    readonly shown: number;
    readonly clicked: number;
    /** Completed, liked, commented, rated, bought, or answered as a quiz. */
    readonly positive: number;
    /** Clicked of those shown; of those answered where nobody publishes impressions. */
    readonly click_rate: number | null;
  };
  /** With the version in use, as the responder of this process has compared them. */
  readonly agreement: readonly {
    /** swap: by recorded requests, before it was put in use; shadow: by requests since it was staged. */
    readonly mode: 'swap' | 'shadow';
    /** The version that was in use. */
    readonly production: string;
    readonly requests: number;
    /** Mean share of the first ten items that both have. */
    readonly overlap: number | null;
    /** Mean Spearman rank correlation of the scores, -1 to 1. */
    readonly correlation: number | null;
    /** Mean absolute difference of the scores. */
    readonly difference: number | null;
  }[];
  readonly [member: string]: unknown;
};

/** Offsets by topic and partition. */
export type Position = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Problem details (RFC 9457) with a stable code. */
export type Problem = {
  /** Where the code is described, relative to this server. */
  readonly type: string;
  /** The status in words. */
  readonly title: string;
  readonly status: number;
  /** What is wrong with this request. */
  readonly detail: string;
  /** The stable code of the error. */
  readonly code: string;
  /** The same as `detail`. */
  readonly message: string;
  /** What can be done about it. */
  readonly hint?: string;
  readonly [member: string]: unknown;
};

export type Quality = {
  /** Answers from here on, ms since the epoch; null without any. */
  readonly from: number | null;
  readonly to: number | null;
  readonly answers: readonly AnswerQuality[];
  /** What the ranker in force was given in the newest hour; empty where answers do not keep it. */
  readonly inputs: readonly {
    readonly feature: string;
    readonly count: number;
    /** Share of rows without a value. */
    readonly missing: number;
    readonly p50: number | null;
    readonly drift: {
      /** Population stability index: 0.1 is a shift worth a look, 0.25 a large one. */
      readonly psi: number;
      /** What it is measured against: what the version learned from, or the first hour kept. */
      readonly reference: 'snapshot' | 'first-hour';
    } | null;
  }[];
};

export type RankedItems = {
  /** Events that the answer leads to carry it. */
  readonly request_id: string;
  /** When the answer was given, ms since the epoch. */
  readonly ts: number;
  /** The version in use; null when there is none. */
  readonly version: string | null;
  /** The version that put the items in order; null where the one in use did. */
  readonly ranker: string | null;
  /** The code of the first thing that was missing: rows, version, ranker or time. */
  readonly degraded: string | null;
  readonly user_id: string;
  /** Best first. */
  readonly items: readonly {
    readonly item_id: string;
    readonly score: number;
  }[];
  readonly unranked: readonly {
    readonly item_id: string;
    /** Not in the catalogue, not available, or nothing in force scores it for the user. */
    readonly reason: 'unknown' | 'unavailable' | 'unscored';
  }[];
  readonly latency_ms: number;
};

export type Receipt = {
  readonly accepted: number;
  readonly refused: readonly RefusedEvent[];
};

/** For a user, or for an anonymous session by its recent items. */
export type RecommendRequest = {
  /** As events carry it. */
  readonly user_id?: string | undefined;
  /** What an anonymous session has met, newest first; no user is read, and none is logged. */
  readonly recent_items?: readonly string[] | undefined;
  /** How many items. */
  readonly k?: number | undefined;
  readonly context?: Context | undefined;
  /** As events carry it. */
  readonly session_id?: string | undefined;
  /** What is being looked at: not in the answer, and the newest of interest. */
  readonly current_item?: string | undefined;
  /** The only category of the answer. */
  readonly category?: string | undefined;
  readonly filters?: Filters | undefined;
  /** Names the answer; made where it is absent. */
  readonly request_id?: string | undefined;
};

export type Recommendation = {
  /** Events that the answer leads to carry it. */
  readonly request_id: string;
  /** When the answer was given, ms since the epoch. */
  readonly ts: number;
  /** The version in use; null when there is none. */
  readonly version: string | null;
  /** The version that put the items in order; null where the one in use did. */
  readonly ranker: string | null;
  /** The code of the first thing that was missing: rows, version, ranker or time. */
  readonly degraded: string | null;
  readonly user_id: string;
  readonly k: number;
  /** In the order to be shown; fewer than k when there are no more that may be shown. */
  readonly items: readonly RecommendedItem[];
  readonly latency_ms: number;
};

export type RecommendedItem = {
  readonly item_id: string;
  readonly title: string;
  /** By the ranker, or the version that found it; of what neither scored, by its source. */
  readonly score: number;
  readonly source: CandidateSource;
  /** Probability with which it was put in its place. */
  readonly propensity: number;
};

export type RefusedEvent = {
  /** Place in the request. */
  readonly index: number;
  readonly event_id?: string;
  readonly code: string;
  readonly reason: string;
};

/** Null: of the user and the category, for an item that is unknown. */
export type RowsByView = Readonly<Record<string, FeatureRow | null>>;

export type SentCommand = {
  readonly command_id: string;
};

export type SimilarItems = {
  readonly item_id: string;
  readonly version: string;
  readonly k: number;
  readonly items: readonly {
    readonly item_id: string;
    readonly title: string;
    readonly score: number;
  }[];
};

export type StoreEntry = {
  readonly key: string;
  readonly value: unknown;
  readonly partition: number;
  readonly [member: string]: unknown;
};

export type Task = {
  readonly name: string;
  readonly state: string;
  readonly inputs: readonly {
    readonly topic: string;
    readonly partition: number;
    /** The next offset to be processed. */
    readonly position: number;
    readonly end: number | null;
    readonly lag: number | null;
  }[];
  readonly watermark: number | null;
  readonly restore?: {
    readonly restored: number;
    readonly total: number;
    readonly recordsPerSecond: number;
    readonly etaMs: number | null;
  };
  readonly operators: readonly {
    readonly operator: string;
    readonly in: number;
    readonly out: number;
    readonly dropped: Readonly<Record<string, number>>;
    readonly rejected: Readonly<Record<string, number>>;
  }[];
};

export type Topology = {
  readonly name: string;
  readonly generation: number;
  readonly subTopologies: readonly {
    readonly name: string;
    readonly partitions: number;
    readonly nodes: readonly {
      readonly name: string;
      readonly kind: string;
      readonly [member: string]: unknown;
    }[];
    readonly stores: readonly {
      readonly name: string;
      readonly changelog: string;
      readonly [member: string]: unknown;
    }[];
  }[];
  readonly globalTables: readonly string[];
  readonly internalTopics: readonly {
    readonly name: string;
    readonly partitions: number;
    readonly [member: string]: unknown;
  }[];
};

/** What each route takes, and what it answers. */
export type Operations = {
  /** What this server is, and where to go on. */
  'GET /': {
    readonly request: object;
    readonly answer: {
      readonly name: 'millrace';
      readonly version: string;
      readonly links: {
        readonly openapi: string;
        readonly docs: string;
        readonly health: string;
        readonly metrics: string;
      };
    };
  };
  /** Run a job now, cancel its runs, pause it or resume it. */
  'POST /admin/jobs/{job}/{action}': {
    readonly request: {
      readonly params: {
        /** As GET /jobs lists it. */
        readonly job: string;
        readonly action: 'run' | 'cancel' | 'pause' | 'resume';
      };
      readonly body?: {
        /** Why. */
        readonly reason?: string | null | undefined;
      } | null | undefined;
    };
    readonly answer: {
      readonly request_id: string;
    };
  };
  /** Rebuild the index of the version in force from the whole catalogue. */
  'POST /admin/reindex': {
    readonly request: {
      readonly body?: {
        /** Who asks. */
        readonly actor?: string | null | undefined;
        /** Why. */
        readonly reason?: string | null | undefined;
      } | null | undefined;
    };
    readonly answer: SentCommand;
  };
  /** Return to the version promoted before. */
  'POST /admin/rollback': {
    readonly request: {
      readonly body?: {
        /** Who asks. */
        readonly actor?: string | null | undefined;
        /** Why. */
        readonly reason?: string | null | undefined;
        /** The version that is to go. */
        readonly version?: string | null | undefined;
      } | null | undefined;
    };
    readonly answer: Decided;
  };
  /** Take a snapshot, train on it, and submit the version to the gates. */
  'POST /admin/train': {
    readonly request: {
      readonly body?: {
        /** Who asks. */
        readonly actor?: string | null | undefined;
        /** Why. */
        readonly reason?: string | null | undefined;
        /** Kinds of models; without them, those of the configuration. */
        readonly models?: readonly string[] | null | undefined;
        readonly seed?: number | null | undefined;
        /** Also on a suspect snapshot. */
        readonly force?: boolean | null | undefined;
      } | null | undefined;
    };
    readonly answer: SentCommand;
  };
  /** Put a version in force. */
  'POST /admin/versions/{version}/promote': {
    readonly request: {
      readonly params: {
        readonly version: string;
      };
      readonly body?: {
        /** Who asks. */
        readonly actor?: string | null | undefined;
        /** Why. */
        readonly reason?: string | null | undefined;
      } | null | undefined;
    };
    readonly answer: Decided;
  };
  /** The same as a page to read. */
  'GET /docs': {
    readonly request: object;
    readonly answer: string;
  };
  /** One event, or up to 1,000 of them. */
  'POST /events': {
    readonly request: {
      readonly body: Event | readonly Event[];
    };
    readonly answer: Receipt;
  };
  /** Why an item is in an answer, or is not, and what its score was made of. */
  'GET /explain/{request_id}/{item_id}': {
    readonly request: {
      readonly params: {
        readonly request_id: string;
        readonly item_id: string;
      };
      readonly query?: {
        /** About when it was given, ms since the epoch: for ids that clients have chosen. */
        readonly ts?: number | undefined;
        /** Whom it was given to: narrows the search. */
        readonly user_id?: string | undefined;
      } | undefined;
    };
    readonly answer: Explanation;
  };
  /** Features of a user, of items, of the user with each of them, and of the request itself. */
  'POST /features': {
    readonly request: {
      readonly body: {
        readonly user?: string | null | undefined;
        readonly items?: readonly string[] | null | undefined;
        readonly views?: readonly string[] | null | undefined;
        readonly context?: Context | null | undefined;
      };
    };
    readonly answer: Features;
  };
  /** The features of an item as they are now. */
  'GET /features/item/{item_id}': {
    readonly request: {
      readonly params: {
        /** The id of an item. */
        readonly item_id: string;
      };
      readonly query?: {
        /** Names of views, separated by commas; all without it. */
        readonly views?: string | undefined;
      } | undefined;
    };
    readonly answer: Features;
  };
  /** The features of a user as they are now. */
  'GET /features/user/{user_id}': {
    readonly request: {
      readonly params: {
        readonly user_id: string;
      };
      readonly query?: {
        /** Names of views, separated by commas; all without it. */
        readonly views?: string | undefined;
      } | undefined;
    };
    readonly answer: Features;
  };
  /** Whether the process responds. */
  'GET /health/live': {
    readonly request: object;
    readonly answer: {
      readonly status: 'live';
    };
  };
  /** Whether answers are as good as they should be. */
  'GET /health/ready': {
    readonly request: object;
    readonly answer: {
      readonly status: 'ready';
      /** What each role of the process is doing. */
      readonly roles?: Readonly<Record<string, string>>;
    };
  };
  /** The jobs, when each runs, and its newest run. */
  'GET /jobs': {
    readonly request: object;
    readonly answer: {
      readonly jobs: readonly ListedJob[];
    };
  };
  /** A job with its history. */
  'GET /jobs/{job}': {
    readonly request: {
      readonly params: {
        /** As GET /jobs lists it. */
        readonly job: string;
      };
    };
    readonly answer: {
      readonly job: ListedJob;
      readonly runs: readonly JobRun[];
    };
  };
  /** Metrics for Prometheus. */
  'GET /metrics': {
    readonly request: object;
    readonly answer: string;
  };
  /** This description of all routes, OpenAPI 3.1. */
  'GET /openapi.json': {
    readonly request: object;
    readonly answer: {
      readonly openapi: string;
      readonly [member: string]: unknown;
    };
  };
  /** What producers that write to the log themselves call users by. */
  'POST /pseudonyms': {
    readonly request: {
      readonly body: {
        readonly user_ids: readonly string[];
      };
    };
    readonly answer: {
      readonly pseudonyms: readonly string[];
    };
  };
  /** What came of answers, by version, ranker and variant. */
  'GET /quality': {
    readonly request: {
      readonly query?: {
        /** How many hours with answers to report on, the current one included. */
        readonly hours?: number | undefined;
      } | undefined;
    };
    readonly answer: Quality;
  };
  /** The given items in the order in which a user should see them. */
  'POST /rank': {
    readonly request: {
      readonly body: {
        /** As events carry it. */
        readonly user_id: string;
        /** Those named twice are answered once. */
        readonly items: readonly string[];
        readonly context?: Context | undefined;
      };
    };
    readonly answer: RankedItems;
  };
  /** What each of up to 100 users or anonymous sessions should be shown. */
  'POST /recommend': {
    readonly request: {
      readonly body: {
        readonly requests: readonly RecommendRequest[];
      };
    };
    readonly answer: {
      readonly answers: readonly BatchAnswer[];
    };
  };
  /** What a user should be shown. */
  'GET /recommend/{user_id}': {
    readonly request: {
      readonly params: {
        /** As events carry it. */
        readonly user_id: string;
      };
      readonly query?: {
        /** How many items. */
        readonly k?: number | undefined;
        /** What the request comes from. */
        readonly device?: 'mobile' | 'desktop' | 'tablet' | 'tv' | 'other' | undefined;
        /** As events carry it. */
        readonly country?: string | undefined;
        /** As events carry it. */
        readonly language?: string | undefined;
        /** As events carry it. */
        readonly session_id?: string | undefined;
        /** What is being looked at: not in the answer, and the newest of interest. */
        readonly current_item?: string | undefined;
        /** The only category of the answer. */
        readonly category?: string | undefined;
      } | undefined;
    };
    readonly answer: Recommendation;
  };
  /** The items most like another one, by the version in use. */
  'GET /similar/{item_id}': {
    readonly request: {
      readonly params: {
        /** The id of an item. */
        readonly item_id: string;
      };
      readonly query?: {
        /** How many items. */
        readonly k?: number | undefined;
      } | undefined;
    };
    readonly answer: SimilarItems;
  };
  /** The stores of the processors. */
  'GET /stores': {
    readonly request: object;
    readonly answer: {
      readonly stores: readonly {
        readonly name: string;
        readonly subTopology: string;
        readonly partitions: number;
        readonly kind: string;
      }[];
    };
  };
  /** Committed entries of a store: of a key, by prefix, of a range, or windows of a key. */
  'GET /stores/{processor}/{store}': {
    readonly request: {
      readonly params: {
        readonly processor: string;
        readonly store: string;
      };
      readonly query?: {
        /** One entry; of a store with windows, all of the key. */
        readonly key?: string | undefined;
        /** Entries whose keys begin with it. */
        readonly prefix?: string | undefined;
        /** Entries from this key on. */
        readonly from?: string | undefined;
        /** Entries up to, not including, this key. */
        readonly to?: string | undefined;
        /** Windows of the key that start at this time or later. */
        readonly fromMs?: number | undefined;
        /** Windows of the key that start before this time. */
        readonly toMs?: number | undefined;
        /** Entries at most; 1000 without it. */
        readonly limit?: number | undefined;
        /** `next` of the answer before. */
        readonly after?: string | undefined;
        /** `standby`: a copy that lags may answer. */
        readonly staleness?: 'none' | 'standby' | undefined;
        /** The answer has to have taken all that lies before: JSON, `{"topic": {"0": 17}}`. */
        readonly position?: string | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly store: string;
      readonly entries: readonly StoreEntry[];
      readonly position: Position;
      readonly copies: readonly {
        readonly partition: number;
        readonly role: 'active' | 'standby';
        readonly memberId: string;
      }[];
      readonly next?: string;
    };
  };
  /** What the tasks of this process are doing. */
  'GET /tasks': {
    readonly request: object;
    readonly answer: {
      readonly members: readonly {
        readonly memberId: string;
        readonly isRebalancing: boolean;
        readonly bufferedBytes: number;
        readonly commitMs: number | null;
        readonly tasks: readonly Task[];
      }[];
    };
  };
  /** What the queries of other processes ask of the tasks in this one; keys and rows are base64url. */
  'GET /tasks/{subTopology}/{partition}/rows': {
    readonly request: {
      readonly params: {
        readonly subTopology: string;
        readonly partition: number;
      };
      readonly query?: {
        readonly store?: string | undefined;
        readonly role?: 'active' | 'standby' | undefined;
        readonly key?: string | undefined;
        readonly gte?: string | undefined;
        readonly lt?: string | undefined;
        readonly limit?: number | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly rows: readonly (readonly [string, string])[];
      readonly complete: boolean;
      readonly position: Readonly<Record<string, number>>;
    };
  };
  /** What is on the log, and how far the processors have read it. */
  'GET /topics': {
    readonly request: object;
    readonly answer: {
      readonly topics: readonly ListedTopic[];
    };
  };
  /** What the processors consist of. */
  'GET /topology': {
    readonly request: object;
    readonly answer: Topology;
  };
  /** What a user has decided about their data. */
  'PUT /users/{user_id}/privacy': {
    readonly request: {
      readonly params: {
        readonly user_id: string;
      };
      readonly body: {
        readonly status: 'opted-out' | 'opted-in';
      };
    };
    readonly answer: {
      readonly user_id: string;
      readonly status: 'opted-out' | 'opted-in';
      readonly ts: number;
    };
  };
  /** What has been trained or published, and what became of it. */
  'GET /versions': {
    readonly request: object;
    readonly answer: {
      readonly versions: readonly ListedVersion[];
    };
  };
};
