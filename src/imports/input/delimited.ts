/**
 * Rows of delimited text. Unquoted fields are split at the delimiter; quoted ones are those of RFC 4180, with delimiters,
 * doubled quotes and line ends inside. A quote opens a field at its start only, and closes it before a delimiter or a line
 * end only. A row of several lines that breaks this costs its first line: the lines after it are rows of their own.
 */
import type { LineBlock } from './lines.ts';

/** A quoted field that reaches further is not closed. */
const LONGEST_ROW_LINES = 1_000;
const LONGEST_ROW_LENGTH = 1 << 20;

export type RowTaker = {
  row(fields: readonly string[], line: number, text: string): void;
  malformed(line: number, text: string, reason: string): void;
  /** How many fields a row has; undefined before the first row. */
  readonly width: number | undefined;
};

/** A row whose quoted field goes on in the next line. */
type OpenRow = {
  readonly from: number;
  readonly lines: string[];
  length: number;
  /** Those before the open one. */
  readonly fields: string[];
  /** Parts of the open field. */
  readonly parts: string[];
};

export class DelimitedRows {
  readonly #delimiter: string;
  readonly #isQuoted: boolean;
  readonly #taker: RowTaker;
  #open: OpenRow | undefined;

  constructor(
    { delimiter, isQuoted }: { readonly delimiter: string; readonly isQuoted: boolean },
    taker: RowTaker,
  ) {
    this.#delimiter = delimiter;
    this.#isQuoted = isQuoted;
    this.#taker = taker;
  }

  take({ texts, first, broken }: LineBlock): void {
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i] as string;
      const reason = broken.size === 0 ? undefined : broken.get(i);
      if (reason === undefined) this.#line(text, first + i);
      else {
        this.end();
        this.#taker.malformed(first + i, text, reason);
      }
    }
  }

  /** After the last line: a field that is still open is not closed. */
  end(): void {
    while (this.#open !== undefined) this.#giveUp(this.#open, 'a quoted field is not closed');
  }

  #line(text: string, line: number): void {
    if (this.#open !== undefined) this.#nextLine(this.#open, text);
    else if (this.#isQuoted && text.includes('"')) this.#quotedRow(text, line);
    else if (text.trim() !== '') this.#taker.row(text.split(this.#delimiter), line, text);
  }

  #quotedRow(text: string, line: number): void {
    const row: OpenRow = { from: line, lines: [text], length: text.length, fields: [], parts: [] };
    const end = readFields(text, 0, this.#delimiter, row);
    if (end === 'open') this.#open = row;
    else if (end === 'closed') this.#taker.row(row.fields, line, text);
    else this.#taker.malformed(line, text, end);
  }

  #nextLine(row: OpenRow, text: string): void {
    row.lines.push(text);
    row.length += text.length + 1;
    row.parts.push('\n');
    const isTooLong = row.lines.length > LONGEST_ROW_LINES || row.length > LONGEST_ROW_LENGTH;
    const end = isTooLong ? 'too long' : readQuoted(text, 0, this.#delimiter, row);
    if (end === 'open') return;
    const problem = end === 'too long' ? 'a quoted field is not closed' : this.#problemOf(row, end);
    if (problem !== undefined) this.#giveUp(row, problem);
    else {
      this.#open = undefined;
      this.#taker.row(row.fields, row.from, row.lines.join('\n'));
    }
  }

  #problemOf({ from, lines, fields }: OpenRow, end: Exclude<LineEnd, 'open'>): string | undefined {
    const last = from + lines.length - 1;
    if (end !== 'closed') return `a quoted field is not closed up to line ${last}: ${end}`;
    const { width = fields.length } = this.#taker;
    if (fields.length === width) return undefined;
    return `${fields.length} fields instead of ${width} if the quoted field ends in line ${last}`;
  }

  /**
   * Only the last line can open a field again: a quote that does so would have closed the open one. So no line is read more
   * than three times.
   */
  #giveUp({ from, lines: [first = '', ...rest] }: OpenRow, reason: string): void {
    this.#open = undefined;
    this.#taker.malformed(from, first, reason);
    rest.forEach((text, i) => {
      this.#line(text, from + 1 + i);
    });
  }
}

/** Where a line ends: after its last field, inside a quoted one; or what is wrong. */
type LineEnd = 'closed' | 'open' | `text stands after the closing quote of field ${number}`;

/** Reads fields of `text` from `at`, where one begins. */
function readFields(text: string, at: number, delimiter: string, row: OpenRow): LineEnd {
  for (let start = at; ; ) {
    if (text[start] === '"') return readQuoted(text, start + 1, delimiter, row);
    const end = text.indexOf(delimiter, start);
    row.fields.push(text.slice(start, end < 0 ? undefined : end));
    if (end < 0) return 'closed';
    start = end + delimiter.length;
  }
}

/** Reads on inside a quoted field of which `row.parts` were read. */
function readQuoted(text: string, at: number, delimiter: string, row: OpenRow): LineEnd {
  const { fields, parts } = row;
  for (let start = at; ; ) {
    const quote = text.indexOf('"', start);
    parts.push(text.slice(start, quote < 0 ? undefined : quote));
    if (quote < 0) return 'open';
    start = quote + 1;
    if (text[start] === '"') {
      parts.push('"');
      start++;
      continue;
    }
    fields.push(parts.join(''));
    parts.length = 0;
    if (start === text.length) return 'closed';
    if (text.startsWith(delimiter, start)) return readFields(text, start + delimiter.length, delimiter, row);
    return `text stands after the closing quote of field ${fields.length}`;
  }
}
