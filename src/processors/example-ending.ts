import type { Serde } from '#engine';
import { invariant } from '#platform';
import { avroCodec, avroSchema, type Example, type ExampleEnding } from '#schemas';

/** An example as item-views has encoded it, and what has become known since. */
export type LabelledExample = { readonly example: Buffer; readonly ending: ExampleEnding };

/** What item-views writes in its place. */
export const UNKNOWN_ENDING: ExampleEnding = {
  popularity_rank: null,
  position: null,
  propensity: null,
  labels: null,
};

/** In Avro each null of an optional field is one byte. */
const UNKNOWN_ENDING_BYTES = 4;
const HEADER_BYTES = 5;

/**
 * Writes labelled examples as records of `examples`. A record in Avro is its fields one after another, and the ending is
 * the last ones: so its bytes take the place of the nulls, and the kilobyte before them is copied as it is, whichever
 * version of the schema it was written by. Decoding and encoding it again was a fifth of the loop's time.
 */
export function labelledExamples(examples: Serde<Example>): Serde<LabelledExample> {
  assertEndsAlike();
  const endings = avroCodec('ExampleEnding');
  const encodeInto = ({ example, ending }: LabelledExample, target: Buffer, at: number): number => {
    const end = at + example.length - UNKNOWN_ENDING_BYTES;
    // The codec's header comes to stand where the example's own last bytes are copied over it.
    const written = endings.encodeInto(0, ending, target, end - HEADER_BYTES);
    if (written >= 0) example.copy(target, at, 0, example.length - UNKNOWN_ENDING_BYTES);
    return written;
  };
  // Of values that lie among others the example's serde gives examples, which these are not.
  const { decodeAt: _, isOwnAt: __, ...others } = examples;
  return {
    ...others,
    encodeInto,
    encode: ({ example, ending }) => {
      const bytes = endings.encode(0, ending).subarray(HEADER_BYTES);
      return Buffer.concat([example.subarray(0, -UNKNOWN_ENDING_BYTES), bytes]);
    },
    decode: (bytes) => {
      const { popularity_rank, position, propensity, labels, ...known } = examples.decode(bytes);
      return {
        example: examples.encode({ ...known, ...UNKNOWN_ENDING }),
        ending: { popularity_rank, position, propensity, labels },
      };
    },
  };
}

function assertEndsAlike(): void {
  const fieldsOf = (schema: object) => (schema as { readonly fields: readonly { name: string }[] }).fields;
  const names = (schema: object) => fieldsOf(schema).map(({ name }) => name);
  const ending = names(avroSchema('ExampleEnding'));
  const last = names(avroSchema('Example')).slice(-ending.length);
  invariant(last.join() === ending.join(), 'the fields of ExampleEnding are the last ones of Example');
}
