// Generated from docs/openapi.json by `npm run generate`; not to be edited.

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
    /** The code of what kept the user's rows from being read. */
    readonly degraded: string | null;
    readonly user_id: string | null;
    readonly k: number;
    /** Best first; fewer than k when the catalogue has no more. */
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

/** Found by the version in use, or one of the popular items, which fill up. */
export type CandidateSource = 'index' | 'popular';

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
  /** Events with one that the log already has count once; made where it is absent. */
  readonly event_id?: string | null | undefined;
  readonly user_id: string;
  /** Required by most kinds. */
  readonly item_id?: string | null | undefined;
  readonly kind: 'impression' | 'view' | 'click' | 'complete' | 'like' | 'comment' | 'rating' | 'search' | 'skip' | 'purchase' | 'quiz_score';
  /** Of a rating: 0.5 to 5. */
  readonly value?: number | null | undefined;
  readonly watch_ms?: number | null | undefined;
  readonly session_id?: string | null | undefined;
  /** Of the answer that led to the event. */
  readonly request_id?: string | null | undefined;
  readonly context?: Context | null | undefined;
  /** When it happened, ms since the epoch; now where it is absent. */
  readonly ts?: number | null | undefined;
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

export type ListedTopic = {
  readonly topic: string;
  readonly partitions: number;
  /** Offsets from the first to the last readable one. */
  readonly records: number;
  readonly retention: string;
  /** Records that the processors have not committed yet. */
  readonly lag: number | null;
};

/** As `millrace versions --json` prints it. */
export type ListedVersion = {
  readonly version: string;
  readonly status: string;
  /** Whether it is in force. */
  readonly serving: boolean;
  readonly role: string;
  /** Kind of model. */
  readonly kind: string;
  /** Of the last change of status, ms since the epoch. */
  readonly ts: number;
  readonly actor: string | null;
  readonly reason: string | null;
  /** Metrics by name. */
  readonly model: Readonly<Record<string, number>>;
  readonly popularity: Readonly<Record<string, number>>;
  readonly decayedPopularity: Readonly<Record<string, number>>;
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

export type RankedItems = {
  /** Events that the answer leads to carry it. */
  readonly request_id: string;
  /** When the answer was given, ms since the epoch. */
  readonly ts: number;
  /** The version in use; null when there is none. */
  readonly version: string | null;
  /** The version that put the items in order; null where the one in use did. */
  readonly ranker: string | null;
  /** The code of what kept the user's rows from being read. */
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
  /** The code of what kept the user's rows from being read. */
  readonly degraded: string | null;
  readonly user_id: string;
  readonly k: number;
  /** Best first; fewer than k when the catalogue has no more. */
  readonly items: readonly RecommendedItem[];
  readonly latency_ms: number;
};

export type RecommendedItem = {
  readonly item_id: string;
  readonly title: string;
  readonly score: number;
  readonly source: CandidateSource;
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
  /** Build the index of the version in force anew, over the whole catalogue. */
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
