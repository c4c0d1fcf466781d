/** Characters of a word beyond which it is not cut up, but unknown. */
const LONGEST_WORD = 100;

const special = { unknown: '[UNK]', start: '[CLS]', end: '[SEP]' } as const;

/** White space apart, what BERT leaves out: control characters, and what could not be decoded. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const unwanted = /[\u0000\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu;
/** Scripts whose words have no spaces between them: each character is one. */
const ideograph = /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2fa1f}]/gu;
/** Punctuation, each sign by itself, or a run of anything else. ASCII's signs count, whatever Unicode says of them. */
const words = /[\p{P}$+<=>^`|~]|[^\p{P}$+<=>^`|~\s]+/gu;

/** The part of a tokenizer.json that tells BERT's from others. */
type TokenizerFile = {
  readonly normalizer: {
    readonly type: string;
    readonly lowercase: boolean;
    /** As `lowercase` where it is null. */
    readonly strip_accents: boolean | null;
    readonly handle_chinese_chars: boolean;
  };
  readonly model: { readonly type: string; readonly vocab: Readonly<Record<string, number>> };
};

/** The tokens of BERT and its kin (Devlin et al. 2019): words and signs, each cut into the longest pieces of the vocabulary. */
export class WordPiece {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #isLowerCase: boolean;
  readonly #unknown: number;
  readonly #start: number;
  readonly #end: number;

  private constructor(ids: ReadonlyMap<string, number>, isLowerCase: boolean) {
    const idOf = (token: string) => ids.get(token) as number;
    this.#ids = ids;
    this.#unknown = idOf(special.unknown);
    this.#start = idOf(special.start);
    this.#end = idOf(special.end);
    this.#isLowerCase = isLowerCase;
  }

  /**
   * Reads a vocab.txt: one token a line, whose number is its id. Without Latin capitals it is one of lower-case text without
   * diacritics. Undefined where a token that texts are framed with is missing.
   */
  static ofVocabulary(text: string): WordPiece | undefined {
    const tokens = text.replace(/\r?\n$/, '').split(/\r?\n/);
    const isLowerCase = !tokens.some((token) => /^(##)?[A-Z]/.test(token));
    return WordPiece.#of(new Map(tokens.map((token, id) => [token, id])), isLowerCase);
  }

  /** Reads a tokenizer.json, which is all that newer releases of transformers write. Undefined for one that is not BERT's. */
  static ofTokenizer(json: string): WordPiece | undefined {
    try {
      const { normalizer, model } = JSON.parse(json) as TokenizerFile;
      const { type, lowercase, strip_accents: strips, handle_chinese_chars: splits } = normalizer;
      const isBert = model.type === 'WordPiece' && type === 'BertNormalizer';
      if (!isBert || (strips ?? lowercase) !== lowercase || !splits) return undefined;
      return WordPiece.#of(new Map(Object.entries(model.vocab)), lowercase);
    } catch {
      return undefined;
    }
  }

  static #of(ids: ReadonlyMap<string, number>, isLowerCase: boolean): WordPiece | undefined {
    const isFramed = Object.values(special).every((token) => ids.has(token));
    return isFramed ? new WordPiece(ids, isLowerCase) : undefined;
  }

  /** Ids of a text's tokens between those of its start and its end, `length` in all at most. */
  encode(text: string, length: number): number[] {
    const clean = text.replace(unwanted, '').replace(ideograph, ' $& ');
    const plain = this.#isLowerCase
      ? clean
          .toLowerCase()
          .normalize('NFD')
          .replace(/\p{Mn}/gu, '')
      : clean;
    const pieces = (plain.match(words) ?? []).flatMap((word) => this.#pieces(word));
    return [this.#start, ...pieces.slice(0, length - 2), this.#end];
  }

  #pieces(word: string): readonly number[] {
    const letters = [...word];
    if (letters.length > LONGEST_WORD) return [this.#unknown];
    const pieces: number[] = [];
    for (let from = 0; from < letters.length; ) {
      let end = letters.length;
      let id: number | undefined;
      for (; end > from && id === undefined; end--) {
        id = this.#ids.get(`${from === 0 ? '' : '##'}${letters.slice(from, end).join('')}`);
      }
      if (id === undefined) return [this.#unknown];
      pieces.push(id);
      from = end + 1;
    }
    return pieces;
  }
}
