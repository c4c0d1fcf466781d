/** Lines of a byte stream, block by block: never more in memory than a block and the longest line. */
import { isAscii, isUtf8 } from 'node:buffer';
import { type Encoding, INVALID_UTF16, utf8Of } from './encodings.ts';

/** A longer line is no row of a table: the file is something else, or a line end is missing. */
const LONGEST_LINE_BYTES = 1 << 20;
const TOO_LONG = `the line is longer than ${LONGEST_LINE_BYTES} bytes`;

const LINE_END = 10;
const BYTE_ORDER_MARK = '\uFEFF';

export type LineBlock = {
  readonly texts: readonly string[];
  /** Number of the first one, counted from 1. */
  readonly first: number;
  /** What is wrong with lines, by their place in `texts`. */
  readonly broken: ReadonlyMap<number, string>;
};

export type LineOptions = {
  /** What is not UTF-8 is decoded as Latin-1. */
  readonly mayBeLatin1: boolean;
  /** UTF-8 by default. */
  readonly encoding?: Encoding | undefined;
};

/** Lines end with LF or CRLF, or with CR where there is no LF, the last one maybe with nothing. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  { mayBeLatin1, encoding }: LineOptions,
): AsyncGenerator<LineBlock> {
  let first = 1;
  let rest: Buffer = Buffer.alloc(0);
  /** Whether the line at hand is too long already: its remainder is skipped. */
  let isSkipping = false;
  const block = (bytes: Buffer): LineBlock => {
    const decoded = decodeLines(bytes, mayBeLatin1);
    if (first === 1 && decoded.texts[0]?.startsWith(BYTE_ORDER_MARK)) {
      decoded.texts[0] = decoded.texts[0].slice(1);
    }
    const made = { ...decoded, first };
    first += decoded.texts.length;
    return made;
  };
  for await (const chunk of utf8Of(chunks, encoding)) {
    let bytes = chunk;
    if (isSkipping) {
      const end = bytes.indexOf(LINE_END);
      if (end < 0) continue;
      bytes = bytes.subarray(end + 1);
      isSkipping = false;
    }
    const end = bytes.lastIndexOf(LINE_END);
    if (end < 0) {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    } else {
      const whole = bytes.subarray(0, end);
      yield block(rest.length === 0 ? whole : Buffer.concat([rest, whole]));
      rest = bytes.subarray(end + 1);
    }
    if (rest.length <= LONGEST_LINE_BYTES) continue;
    yield { texts: [''], first, broken: new Map([[0, TOO_LONG]]) };
    first++;
    rest = Buffer.alloc(0);
    isSkipping = true;
  }
  if (rest.length > 0) yield block(rest);
}

/** `bytes` without the last line's end. */
function decodeLines(
  bytes: Buffer,
  mayBeLatin1: boolean,
): { readonly texts: string[]; readonly broken: Map<number, string> } {
  const broken = new Map<number, string>();
  // What is too long must not depend on how the bytes were cut.
  const mayBeTooLong = bytes.length > LONGEST_LINE_BYTES;
  if (!mayBeTooLong && isAscii(bytes)) return { texts: split(bytes.toString('latin1')), broken };
  if (!mayBeTooLong && isUtf8(bytes)) return { texts: split(bytes.toString()), broken };
  const texts: string[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(LINE_END, start);
    const end = found < 0 ? bytes.length : found;
    const given = bytes.subarray(start, end);
    const isTooLong = given.length > LONGEST_LINE_BYTES;
    const line = isTooLong ? Buffer.alloc(0) : given;
    if (isTooLong) broken.set(texts.length, TOO_LONG);
    else if (!isUtf8(line)) {
      if (line.includes(INVALID_UTF16)) broken.set(texts.length, 'the line is not UTF-16');
      else if (!mayBeLatin1) broken.set(texts.length, 'the line is not UTF-8');
    }
    texts.push(withoutReturn(isUtf8(line) ? line.toString() : line.toString('latin1')));
    start = end + 1;
  }
  return { texts, broken };
}

function split(text: string): string[] {
  const lines = text.split('\n');
  return text.includes('\r') ? lines.map(withoutReturn) : lines;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
