/**
 * Rows of delimited text. Unquoted fields are split where the delimiter stands; quoted ones are those of RFC 4180, with
 * delimiters, doubled quotes and line ends inside.
 */
import type { LineBlock } from './lines.ts';

/** A quoted field that reaches further has no closing quote: its first line is malformed, the others are rows again. */
const LONGEST_ROW_LINES = 1_000;

export type RowTaker = {
  row(fields: readonly string[], line: number, text: string): void;
  malformed(line: number, text: string, reason: string): void;
};

export class DelimitedRows {
  readonly #delimiter: string;
  readonly #isQuoted: boolean;
  readonly #taker: RowTaker;
  /** Lines of a row whose quoted field is still open; the first one's number. */
  #open: string[] = [];
  #openFrom = 0;

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

  /** After the last line: what is still open stays so. */
  end(): void {
    while (this.#open.length > 0) this.#giveUpOpen();
  }

  #line(text: string, line: number): void {
    if (this.#open.length > 0) {
      this.#open.push(text);
      if (this.#open.length > LONGEST_ROW_LINES) this.#giveUpOpen();
      // Only a line with a quote can close the field.
      else if (text.includes('"')) this.#quotedRow(this.#open.join('\n'), this.#openFrom);
      return;
    }
    if (this.#isQuoted && text.includes('"')) this.#quotedRow(text, line);
    else if (text.trim() !== '') this.#taker.row(text.split(this.#delimiter), line, text);
  }

  #quotedRow(text: string, line: number): void {
    const fields = quotedFields(text, this.#delimiter);
    if (fields === 'open') {
      if (this.#open.length === 0) this.#open = [text];
      this.#openFrom = line;
      return;
    }
    this.#open = [];
    if (typeof fields === 'string') this.#taker.malformed(line, text, fields);
    else this.#taker.row(fields, line, text);
  }

  /** The lines after the first one are rows by themselves, the last of them perhaps open again. */
  #giveUpOpen(): void {
    const [first = '', ...rest] = this.#open;
    const from = this.#openFrom;
    this.#open = [];
    this.#taker.malformed(from, first, 'a quoted field is not closed');
    rest.forEach((text, i) => {
      this.#line(text, from + 1 + i);
    });
  }
}

/** The fields; 'open' where the text ends inside a quoted field; or what is wrong. */
function quotedFields(text: string, delimiter: string): string[] | 'open' | string {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (text[at] !== '"') {
      const end = text.indexOf(delimiter, at);
      fields.push(text.slice(at, end < 0 ? undefined : end));
      if (end < 0) return fields;
      at = end + delimiter.length;
      continue;
    }
    let value = '';
    let close = text.indexOf('"', at + 1);
    for (; ; close = text.indexOf('"', at + 1)) {
      if (close < 0) return 'open';
      value += text.slice(at + 1, close);
      if (text[close + 1] !== '"') break;
      value += '"';
      at = close + 1;
    }
    fields.push(value);
    at = close + 1;
    if (at === text.length) return fields;
    if (!text.startsWith(delimiter, at))
      return `text stands after the closing quote of field ${fields.length}`;
    at += delimiter.length;
  }
}
