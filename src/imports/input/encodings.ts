/** Text of any encoding as UTF-8, and its lines with line feeds. */

export const ENCODINGS = ['utf-8', 'latin-1', 'windows-1252', 'utf-16le', 'utf-16be'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** A mark at the beginning counts more than what the mapping says. That of UTF-8 is left in the text. */
const MARKS: readonly { readonly encoding: Encoding; readonly bytes: Buffer; readonly skip: number }[] = [
  { encoding: 'utf-8', bytes: Buffer.from([0xef, 0xbb, 0xbf]), skip: 0 },
  { encoding: 'utf-16le', bytes: Buffer.from([0xff, 0xfe]), skip: 2 },
  { encoding: 'utf-16be', bytes: Buffer.from([0xfe, 0xff]), skip: 2 },
];
const LONGEST_MARK = 3;

/** Carriage returns end the lines of a file that has them in its first bytes, this many, and no line feed. */
const LINE_END_WITHIN = 1 << 20;
const LINE_FEED = 10;
const RETURN = 13;

/** Stands for half a pair, or half a code unit. No UTF-8 has these bytes. */
export const INVALID_UTF16 = Buffer.from([0xff, 0xfd]);

/** Chunks of UTF-8 whose lines end with LF or CRLF. What is no UTF-16 becomes `INVALID_UTF16`. */
export async function* utf8Of(
  chunks: AsyncIterable<Buffer>,
  stated: Encoding = 'utf-8',
): AsyncGenerator<Buffer> {
  yield* withLineFeeds(decoded(chunks, stated));
}

async function* decoded(chunks: AsyncIterable<Buffer>, stated: Encoding): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    const first = await beginning(iterator, (bytes) => bytes.length >= LONGEST_MARK);
    const mark = MARKS.find(({ bytes }) => first.subarray(0, bytes.length).equals(bytes));
    const decode = decoderOf(mark?.encoding ?? stated);
    yield decode(first.subarray(mark?.skip ?? 0));
    for await (const chunk of { [Symbol.asyncIterator]: () => iterator }) yield decode(chunk);
    yield decode(undefined);
  } finally {
    await iterator.return?.();
  }
}

/** Takes chunk by chunk, at last undefined. */
type Decode = (chunk: Buffer | undefined) => Buffer;

function decoderOf(encoding: Encoding): Decode {
  switch (encoding) {
    case 'utf-8':
      return (chunk = Buffer.alloc(0)) => chunk;
    case 'latin-1':
      return (chunk = Buffer.alloc(0)) => Buffer.from(chunk.toString('latin1'));
    case 'windows-1252': {
      const decoder = new TextDecoder('windows-1252');
      return (chunk = Buffer.alloc(0)) => Buffer.from(decoder.decode(chunk));
    }
    case 'utf-16le':
    case 'utf-16be':
      return utf16Decoder(encoding === 'utf-16be');
  }
}

function utf16Decoder(isBigEndian: boolean): Decode {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    // A copy: its bytes are swapped.
    const bytes = Buffer.concat([rest, chunk ?? Buffer.alloc(0)]);
    const isEnd = chunk === undefined;
    let whole = bytes.length - (bytes.length % 2);
    // The first half of a pair waits for the second.
    const high = bytes[isBigEndian ? whole - 2 : whole - 1] ?? 0;
    if (!isEnd && whole >= 2 && high >= 0xd8 && high <= 0xdb) whole -= 2;
    rest = Buffer.from(bytes.subarray(whole));
    const units = bytes.subarray(0, whole);
    const text = (isBigEndian ? units.swap16() : units).toString('utf16le');
    const parts = text.isWellFormed() ? [Buffer.from(text)] : withInvalid(text);
    if (isEnd && rest.length > 0) parts.push(INVALID_UTF16);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  };
}

function withInvalid(text: string): Buffer[] {
  return text.split(/\p{Surrogate}/u).flatMap((part, i) => {
    const bytes = Buffer.from(part);
    return i === 0 ? [bytes] : [INVALID_UTF16, bytes];
  });
}

async function* withLineFeeds(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  const isDecided = (bytes: Buffer) => bytes.length >= LINE_END_WITHIN || bytes.includes(LINE_FEED);
  try {
    const first = await beginning(iterator, isDecided);
    const looked = first.subarray(0, LINE_END_WITHIN);
    const isOfReturns = looked.includes(RETURN) && !looked.includes(LINE_FEED);
    yield isOfReturns ? returnsReplaced(first) : first;
    for await (const chunk of { [Symbol.asyncIterator]: () => iterator }) {
      yield isOfReturns ? returnsReplaced(chunk) : chunk;
    }
  } finally {
    await iterator.return?.();
  }
}

function returnsReplaced(bytes: Buffer): Buffer {
  const replaced = Buffer.from(bytes);
  for (let at = replaced.indexOf(RETURN); at >= 0; at = replaced.indexOf(RETURN, at + 1)) {
    replaced[at] = LINE_FEED;
  }
  return replaced;
}

/** The first bytes: as many chunks as are needed, or all there are. */
async function beginning(
  chunks: AsyncIterator<Buffer>,
  isEnough: (bytes: Buffer) => boolean,
): Promise<Buffer> {
  let first: Buffer = Buffer.alloc(0);
  while (!isEnough(first)) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    first = first.length === 0 ? value : Buffer.concat([first, value]);
  }
  return first;
}
