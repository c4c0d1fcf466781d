import { writerSchemaId } from '#avro';
import type { Serde } from '#engine';
import { type ItemInteraction, interactionWeight } from '#features';
import { InputError, invariant } from '#platform';
import {
  avroCodec,
  avroSchema,
  type Example,
  type ExampleEnding,
  type ExampleHead,
  type ExampleItem,
  type ExampleRequest,
  type InteractionKind,
  type User,
} from '#schemas';

/**
 * Examples are written in three parts, each where it is known: the user's side, the item's row, what came of it. A record in
 * Avro is its fields one after another, so the parts' bytes in a row are the example's, and what travels from task to task is
 * copied as it is. To decode and encode it again in each took 8 us more an event.
 */
const heads = avroCodec('ExampleHead');
const items = avroCodec('ExampleItem');
const endings = avroCodec('ExampleEnding');

const HEADER_BYTES = 5;

/** An event with the rows of its user's side as of strictly before it, by their fields. */
export type StartedExample = {
  readonly event: ItemInteraction;
  readonly rows: Omit<ExampleHead, keyof ItemInteraction | 'weight' | 'profile' | 'facts' | 'context'>;
  readonly context: NonNullable<ExampleHead['context']>;
};

export type LabelledExample = Pick<ExampleRequest, 'head'> & {
  readonly item: Buffer;
  readonly ending: ExampleEnding;
};

/** Over `interactionWeight`: what an event of a kind counts in training. */
export type ExampleWeights = { readonly [kind in InteractionKind]?: number };

/** Joiner of what an example starts with and its user's profile. `schemaId`: of records of `examples`. */
export function exampleRequests(schemaId: number, weights: ExampleWeights) {
  assertPartsMakeExample();
  return ({ event, rows, context }: StartedExample, profile: User | undefined): ExampleRequest => {
    const { event_id, user_id, item_id, kind, value, ts, original_ts, request_id, item: facts } = event;
    const head = heads.encode(schemaId, {
      ...rows,
      event_id,
      user_id,
      item_id,
      kind,
      value,
      weight: weights[kind] ?? interactionWeight(kind),
      ts,
      request_id,
      profile: profile ?? null,
      facts,
      context,
    });
    const duration_ms = facts?.duration_ms ?? null;
    return { head, user_id, item_id, ts, own_ts: original_ts ?? ts, request_id, duration_ms };
  };
}

/** The item's side, as it stands in an example. */
export function encodeItem(rows: ExampleItem): Buffer {
  return items.encode(0, rows).subarray(HEADER_BYTES);
}

/** Writes labelled examples as records of `examples`, whose schema is `schemaId`. */
export function labelledExamples(examples: Serde<Example>, schemaId: number): Serde<LabelledExample> {
  const encodeInto = ({ head, item, ending }: LabelledExample, target: Buffer, at: number): number => {
    assertWrittenBy(schemaId, head);
    const itemAt = at + head.length;
    const endingAt = itemAt + item.length;
    // The codec's header comes to stand where the other parts are copied over it.
    const end = endings.encodeInto(0, ending, target, endingAt - HEADER_BYTES);
    if (end < 0) return end;
    head.copy(target, at);
    item.copy(target, itemAt);
    return end;
  };
  // The example's serde would decode these values, which are parts, as whole examples.
  const { decodeAt: _, isOwnAt: __, ...others } = examples;
  return {
    ...others,
    encodeInto,
    encode: ({ head, item, ending }) => {
      assertWrittenBy(schemaId, head);
      return Buffer.concat([head, item, endings.encode(0, ending).subarray(HEADER_BYTES)]);
    },
    decode: (bytes) => {
      // Each part takes its own fields of it.
      const example = examples.decode(bytes);
      const { popularity_rank, position, propensity, labels } = example;
      return {
        head: heads.encode(writerSchemaId(bytes), example),
        item: encodeItem(example),
        ending: { popularity_rank, position, propensity, labels },
      };
    },
  };
}

/** The other parts would be read as what they are not. Errors: InputError MR_AVRO_ENCODE. */
function assertWrittenBy(schemaId: number, head: Buffer): void {
  const written = writerSchemaId(head);
  if (written === schemaId) return;
  throw new InputError(
    'MR_AVRO_ENCODE',
    `an example was started with schema ${written}, which is now ${schemaId}`,
    {
      hint: 'Raise the generation of topology loop when Example changes: its parts wait in the log as bytes.',
    },
  );
}

function assertPartsMakeExample(): void {
  const fieldsOf = (schema: object) => (schema as { readonly fields: readonly { name: string }[] }).fields;
  const names = (schema: object) => fieldsOf(schema).map(({ name }) => name);
  const parts = (['ExampleHead', 'ExampleItem', 'ExampleEnding'] as const).flatMap((part) =>
    names(avroSchema(part)),
  );
  invariant(
    parts.join() === names(avroSchema('Example')).join(),
    'the parts of an example are its fields in order',
  );
}
