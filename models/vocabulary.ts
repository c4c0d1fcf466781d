import { FatalError, invariant } from '#platform';
import type { ContextFeatures, Device, Item, Profile } from '#schemas';
import { IdTable, type SentIds } from './id-table.ts';
import type { ItemInput } from './serving/port.ts';
import type { Bags, Categoricals } from './two-tower/data.ts';
import { TITLE_BUCKETS, titleGrams } from './two-tower/title.ts';

/** What the profile of a user is read as, in this order. */
const profileFields = ['age', 'gender', 'occupation', 'country'] as const;
/** What the metadata of an item is read as, in this order; tags come beside them. */
const itemFields = ['type', 'category', 'language', 'difficulty', 'duration'] as const;

/** What the context of a moment is read as, in this order. */
const contextFields = ['hour', 'weekday', 'device', 'country', 'language', 'session position'] as const;
const devices = ['mobile', 'desktop', 'tablet', 'tv', 'other'] as const satisfies readonly Device[];
/** Positions in a session are grouped by doublings, from 0 and 1 up to 64 and more. */
const LONGEST_SESSION = 8;

/** Where an age group ends, in years; the groups are those of the MovieLens studies. */
const ageBounds = [18, 25, 35, 45, 50, 56] as const;
const MINUTE_MS = 60_000;
/** Durations are grouped by doublings of a minute, up to about four hours. */
const LONGEST_DURATION = 8;

const dictionaryNames = ['gender', 'occupation', 'country', 'type', 'category', 'language', 'tags'] as const;
/** Those of the context, which vocabularies had not at first. */
const contextNames = ['contextCountry', 'contextLanguage'] as const;
export type DictionaryName = (typeof dictionaryNames)[number] | (typeof contextNames)[number];

/** The values met in training, in order; their index is their place + 1, and 0 stands for every other value. */
type Dictionaries = Readonly<Record<DictionaryName, readonly string[]>>;

/** As JSON on the first line; users and items follow, one a line. Format 1, which is read as well, had them in the same text. */
type Header = {
  readonly format: 2;
  readonly users: number;
  readonly items: number;
  readonly dictionaries: Dictionaries;
};

type Contents = {
  readonly users: IdTable;
  readonly items: IdTable;
  readonly dictionaries: Dictionaries;
};

/** A vocabulary as another thread gets it. */
export type SentVocabulary = {
  readonly users: SentIds;
  readonly items: SentIds;
  readonly dictionaries: Dictionaries;
};

export type ItemMetadata = Pick<
  Item,
  'type' | 'category' | 'tags' | 'language' | 'difficulty' | 'duration_ms'
> &
  Partial<Pick<Item, 'title'>>;

export type VocabularySource = {
  /** Users to learn a vector for, each once. */
  readonly users: readonly { readonly id: string; readonly profile: Profile | null }[];
  /** Items to learn a vector for, each once; null where the catalogue does not have one. */
  readonly items: readonly { readonly id: string; readonly metadata: ItemMetadata | null }[];
  /** Where and in which language the examples happened: values to be known; none where context is not trained. */
  readonly contexts?: Iterable<Pick<ContextFeatures, 'country' | 'language'> | null>;
};

/**
 * The dense indices that models know: of users, items and the values of their features. The training rows and the
 * responder read ids, profiles and histories by these same functions, so a model is never asked in other terms than
 * it was taught. Users are numbered from 1 (0 is unknown), items from 0, values of a feature from 1 (0 is unknown).
 */
export class Vocabulary {
  readonly #users: IdTable;
  readonly #items: IdTable;
  readonly #dictionaries: Dictionaries;
  readonly #valueIndices: Readonly<Record<DictionaryName, ReadonlyMap<string, number>>>;

  private constructor({ users, items, dictionaries }: Contents) {
    this.#users = users;
    this.#items = items;
    this.#dictionaries = dictionaries;
    const entries = [...dictionaryNames, ...contextNames].map(
      (name) => [name, indicesFrom(dictionaries[name], 1)] as const,
    );
    this.#valueIndices = Object.fromEntries(entries) as Record<DictionaryName, Map<string, number>>;
  }

  /** Users and items are numbered in the order given, values in their own order. */
  static build({ users, items, contexts = [] }: VocabularySource): Vocabulary {
    const profiles = users.flatMap(({ profile }) => (profile === null ? [] : [profile]));
    const metadata = items.flatMap((item) => (item.metadata === null ? [] : [item.metadata]));
    const [countries, languages] = [new Set<string | null>(), new Set<string | null>()];
    for (const context of contexts) {
      countries.add(context?.country ?? null);
      languages.add(context?.language ?? null);
    }
    return new Vocabulary({
      users: IdTable.of(users.map(({ id }) => id)),
      items: IdTable.of(items.map(({ id }) => id)),
      dictionaries: {
        gender: distinct(profiles.map(({ gender }) => (gender === 'unknown' ? null : gender))),
        occupation: distinct(profiles.map(({ occupation }) => occupation)),
        country: distinct(profiles.map(({ country }) => country)),
        type: distinct(metadata.map(({ type }) => type)),
        category: distinct(metadata.map(({ category }) => category)),
        language: distinct(metadata.map(({ language }) => language)),
        tags: distinct(metadata.flatMap(({ tags }) => tags)),
        contextCountry: distinct(countries),
        contextLanguage: distinct(languages),
      },
    });
  }

  /** Reads what `toBytes` wrote. FatalError MR_VERSION_CORRUPT for anything else. */
  static parse(given: Uint8Array): Vocabulary {
    const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    const newline = bytes.indexOf('\n');
    const lineEnd = newline < 0 ? bytes.length : newline;
    let header: { [field in keyof Header]?: unknown };
    try {
      header = JSON.parse(bytes.toString('utf8', 0, lineEnd));
    } catch (cause) {
      throw unreadable('it is not JSON', cause);
    }
    const { format, users, items, dictionaries } = header;
    if (format !== 1 && format !== 2)
      throw unreadable(`it has format ${format}; this build reads formats 1 and 2`);
    const known = dictionariesIn(dictionaries);
    if (format === 1) {
      if (!isTextList(users) || !isTextList(items)) throw unreadable(LIST_MISSING);
      return new Vocabulary({ users: IdTable.of(users), items: IdTable.of(items), dictionaries: known });
    }
    if (!isCount(users) || !isCount(items)) throw unreadable(LIST_MISSING);
    const readUsers = IdTable.readLines(bytes, lineEnd + 1, users);
    const readItems = readUsers && IdTable.readLines(bytes, readUsers.end, items);
    if (readUsers === undefined || readItems === undefined || readItems.end !== bytes.length)
      throw unreadable(`it does not hold ${users} users and ${items} items`);
    return new Vocabulary({ users: readUsers.table, items: readItems.table, dictionaries: known });
  }

  static receive({ users, items, dictionaries }: SentVocabulary): Vocabulary {
    return new Vocabulary({ users: IdTable.receive(users), items: IdTable.receive(items), dictionaries });
  }

  /** For another thread, which has it from then on. */
  send(): SentVocabulary {
    return { users: this.#users.send(), items: this.#items.send(), dictionaries: this.#dictionaries };
  }

  /** Equal vocabularies give equal bytes. */
  toBytes(): Buffer {
    const header: Header = {
      format: 2,
      users: this.#users.size,
      items: this.#items.size,
      dictionaries: this.#dictionaries,
    };
    const first = Buffer.from(`${JSON.stringify(header)}\n`);
    return Buffer.concat([first, ...this.#users.writeLines(), ...this.#items.writeLines()]);
  }

  /** Everything that has an index, each in the order of these. */
  get contents(): Contents {
    return { users: this.#users, items: this.#items, dictionaries: this.#dictionaries };
  }

  /** Rows of the user table: the known users, and the unknown one. */
  get userCount(): number {
    return this.#users.size + 1;
  }

  get itemCount(): number {
    return this.#items.size;
  }

  /** 0 for a user who was not trained. */
  userIndex(id: string): number {
    return (this.#users.placeOf(id) ?? -1) + 1;
  }

  /** Undefined for an item that was not trained. */
  itemIndex(id: string): number | undefined {
    return this.#items.placeOf(id);
  }

  itemId(index: number): string {
    const id = this.#items.at(index);
    invariant(id !== undefined, `there is no item ${index} among ${this.itemCount}`);
    return id;
  }

  /** A model's `profile` row. */
  profileValues(profile: Profile | null): number[] {
    if (profile === null) return profileFields.map(() => 0);
    const { age, gender, occupation, country } = profile;
    return [
      age === null ? 0 : 1 + ageBounds.filter((bound) => age >= bound).length,
      this.#valueIndex('gender', gender),
      this.#valueIndex('occupation', occupation),
      this.#valueIndex('country', country),
    ];
  }

  /** The user tower's `context` row. */
  contextValues(context: ContextFeatures | null): number[] {
    if (context === null) return contextFields.map(() => 0);
    const { hour, weekday, device, country, language, session_position: position } = context;
    return [
      hour + 1,
      weekday + 1,
      device === null ? 0 : 1 + devices.indexOf(device),
      this.#valueIndex('contextCountry', country),
      this.#valueIndex('contextLanguage', language),
      Math.min(LONGEST_SESSION, 1 + (position === 0 ? 0 : 1 + Math.floor(Math.log2(position)))),
    ];
  }

  /** The user tower's `history`, in the order given (newest first), without the items that were not trained. */
  historyIndices(recentItems: readonly string[]): number[] {
    const indices: number[] = [];
    for (const id of recentItems) {
      const index = this.#items.placeOf(id);
      if (index !== undefined) indices.push(index);
    }
    return indices;
  }

  /** The item tower's `features` row. */
  itemFeatureValues(metadata: ItemMetadata | null): number[] {
    if (metadata === null) return itemFields.map(() => 0);
    const { type, category, language, difficulty, duration_ms } = metadata;
    return [
      this.#valueIndex('type', type),
      this.#valueIndex('category', category),
      this.#valueIndex('language', language),
      difficulty === null ? 0 : Math.min(5, Math.max(1, difficulty)),
      duration_ms === null ? 0 : durationGroup(duration_ms),
    ];
  }

  /** The item tower's `tags`, each once, from 0. */
  tagIndices(metadata: ItemMetadata | null): number[] {
    const known = new Set((metadata?.tags ?? []).map((tag) => this.#valueIndex('tags', tag)));
    known.delete(0);
    return Array.from(known, (index) => index - 1);
  }

  /** What an item tower reads of an item. */
  itemInput(id: string, metadata: ItemMetadata): ItemInput {
    return {
      item: this.itemIndex(id),
      features: this.itemFeatureValues(metadata),
      tags: this.tagIndices(metadata),
      titleGrams: titleGrams(metadata.title ?? ''),
    };
  }

  /** Profiles as training reads them; row 0 is the unknown user's. */
  profileTable({ users }: Pick<VocabularySource, 'users'>): Categoricals {
    const rows = [null, ...users.map(({ profile }) => profile)];
    return {
      cardinalities: [
        ageBounds.length + 2,
        ...(['gender', 'occupation', 'country'] as const).map((name) => this.#cardinality(name)),
      ],
      values: Int32Array.from(rows.flatMap((profile) => this.profileValues(profile))),
    };
  }

  /** Contexts of examples as training reads them. */
  contextTable(contexts: readonly (ContextFeatures | null)[]): Categoricals {
    return {
      cardinalities: [
        25,
        8,
        devices.length + 1,
        ...contextNames.map((name) => this.#cardinality(name)),
        LONGEST_SESSION + 1,
      ],
      values: Int32Array.from(contexts.flatMap((context) => this.contextValues(context))),
    };
  }

  /** Item metadata as training reads it. */
  itemTables({ items }: Pick<VocabularySource, 'items'>): {
    readonly features: Categoricals;
    readonly tags: Bags & { readonly cardinality: number };
    readonly titles: Bags & { readonly cardinality: number };
  } {
    return {
      features: {
        cardinalities: [
          ...(['type', 'category', 'language'] as const).map((name) => this.#cardinality(name)),
          6,
          LONGEST_DURATION + 1,
        ],
        values: Int32Array.from(items.flatMap(({ metadata }) => this.itemFeatureValues(metadata))),
      },
      tags: {
        cardinality: this.#dictionaries.tags.length,
        ...bagsOf(items.map(({ metadata }) => this.tagIndices(metadata))),
      },
      titles: {
        cardinality: TITLE_BUCKETS,
        ...bagsOf(items.map(({ metadata }) => titleGrams(metadata?.title ?? ''))),
      },
    };
  }

  #valueIndex(name: DictionaryName, value: string | null): number {
    return value === null ? 0 : (this.#valueIndices[name].get(value) ?? 0);
  }

  #cardinality(name: DictionaryName): number {
    return this.#dictionaries[name].length + 1;
  }
}

/** 1 up to a minute, 2 up to two, 3 up to four, and so on. */
function durationGroup(durationMs: number): number {
  const doublings = Math.ceil(Math.log2(Math.max(1, durationMs / MINUTE_MS)));
  return Math.min(LONGEST_DURATION, 1 + doublings);
}

function indicesFrom(values: readonly string[], first: number): ReadonlyMap<string, number> {
  return new Map(values.map((value, i) => [value, first + i]));
}

function bagsOf(bags: readonly (readonly number[])[]): Bags {
  const offsets = new Int32Array(bags.length + 1);
  bags.forEach((bag, i) => {
    offsets[i + 1] = (offsets[i] as number) + bag.length;
  });
  return { offsets, ids: Int32Array.from(bags.flat()) };
}

function distinct(values: Iterable<string | null>): string[] {
  const met = new Set(values);
  met.delete(null);
  return ([...met] as string[]).sort();
}

const LIST_MISSING = 'one of its lists is missing, or holds something other than strings';

/** Those of the context, which vocabularies had not at first, may be missing. */
function dictionariesIn(stored: unknown): Dictionaries {
  const given = (stored ?? {}) as { readonly [name in DictionaryName]?: unknown };
  const later = Object.fromEntries(contextNames.map((name) => [name, given[name] ?? []]));
  const all = { ...given, ...later };
  if (![...dictionaryNames, ...contextNames].every((name) => isTextList(all[name])))
    throw unreadable(LIST_MISSING);
  return all as unknown as Dictionaries;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function unreadable(problem: string, cause?: unknown): FatalError {
  return new FatalError('MR_VERSION_CORRUPT', `The vocabulary can't be read: ${problem}.`, {
    hint: 'Remove the directory of this version and train again.',
    ...(cause !== undefined && { cause }),
  });
}
