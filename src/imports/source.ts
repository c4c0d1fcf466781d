/** What a source of data declares: which files it reads, and what their rows mean. Implementations lie in folders beside. */
import type { Answer, Interaction, Item, User } from '#schemas';
import type { Encoding } from './input/encodings.ts';

/**
 * Takes what a row holds. A row that turns out malformed takes back what it gave, so a reader may give before it has
 * looked at all of it.
 */
export type RowSink = {
  /**
   * `user_id` as the source has it. An empty `event_id` becomes one that is derived from file, line and time. `order`
   * decides among events of equal time; then they stay in the order of reading.
   */
  event(event: Interaction, order?: number): void;
  /** Published under `atMs`, by default just before the first event. `created` is lowered to that time. */
  item(item: Item, atMs?: number): void;
  user(user: User, atMs?: number): void;
  /** A ranking that was shown: gives impressions their positions. */
  answer(answer: Answer): void;
};

/** Stands in `created` where the source does not say, later than all times: that of publishing is taken. */
export const NOT_SAID = 2 ** 51;

/** Returns what is wrong with a malformed row. */
export type RowReader<Row> = (row: Row, sink: RowSink) => string | undefined;

export type JsonObject = Readonly<Record<string, unknown>>;

/** Readers hold state (ids seen so far), so each reading of a file opens its format. */
export type FileFormat =
  | {
      readonly rows: 'delimited';
      readonly delimiter: string;
      /** Whether fields may be quoted as RFC 4180 says, with delimiters and line ends inside. */
      readonly isQuoted: boolean;
      /** What is not UTF-8 is Latin-1; otherwise it is malformed. */
      readonly mayBeLatin1: boolean;
      /** UTF-8 by default. A byte order mark counts more. */
      readonly encoding?: Encoding;
      /** Errors: MR_IMPORT_HEADER for a first row without the columns that the format requires. */
      open(first: readonly string[]): {
        readonly isHeader: boolean;
        /** Fields of a row, of formats with quoted fields. */
        readonly width?: number;
        readonly read: RowReader<readonly string[]>;
      };
    }
  | { readonly rows: 'json'; readonly encoding?: Encoding; open(): RowReader<JsonObject> }
  | {
      readonly rows: 'parquet';
      /** Errors: MR_IMPORT_HEADER where a column is missing. Rows have the values of `columns`, in their order. */
      open(columns: readonly string[]): {
        readonly columns: readonly string[];
        readonly read: RowReader<readonly unknown[]>;
      };
    };

/** How one file is read. */
export type FileReading = {
  readonly format: FileFormat;
  /** Whether its rows name users: such rows are not shown in dead letters. */
  readonly namesUsers: boolean;
  /** Called after the last file: what was gathered from rows. */
  readonly finish?: (sink: RowSink) => void;
};

/** A source as one command uses it. */
export type OpenedSource = {
  /** By a file's name without ".gz"; `isChosen`: the user named this very file. Undefined: not of this source. */
  readingOf(name: string, isChosen: boolean): FileReading | undefined;
  /** Why these files are no complete data set. */
  missing(names: readonly string[]): string | undefined;
  /** Goes into the identity of an import, with the bytes read. */
  readonly identity: string;
};

export type Source = {
  readonly name: string;
  /** For help texts. */
  readonly does: string;
  /** Which files it expects, for hints. */
  readonly expected: string;
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly notes?: string;
  /** Whether `open` needs the text of a mapping file. */
  readonly isMapped: boolean;
  /** As which name standard input is taken where the command does not say; undefined: it has to. */
  readonly stdinName?: string;
  /** Errors: MR_IMPORT_MAPPING. */
  open(mapping: string): OpenedSource;
};
