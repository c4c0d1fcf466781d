/** The form of an event as producers post it. */
import { z } from '#platform/api';
import { avroSchema, type InteractionKind } from '#schemas';
import { contextProblem, contextSchema } from '#schemas/api';

type SchemaField = { readonly name: string; readonly type: { readonly symbols?: readonly string[] } };
const { fields } = avroSchema('Interaction') as { readonly fields: readonly SchemaField[] };
const kinds = fields.find(({ name }) => name === 'kind')?.type.symbols ?? [];

const orNull = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null);
// Text that is not well-formed has no UTF-8, and would come back as another one.
const text = z.string().refine((value) => value.isWellFormed());
const noContext = { device: null, country: null, language: null };

/** Absent fields become null. `invalidReason` checks ranges. */
export const eventSchema = z
  .strictObject({
    event_id: orNull(text).describe(
      'An event whose id the log already has counts once; generated if absent.',
    ),
    user_id: text,
    item_id: orNull(text).describe('Required by most kinds.'),
    kind: z.enum(kinds as [InteractionKind, ...InteractionKind[]]),
    value: orNull(z.number()).describe('The rating, 0.5 to 5.'),
    watch_ms: orNull(z.int()),
    session_id: orNull(text),
    request_id: orNull(text).describe('Request id of the answer that led to the event.'),
    context: contextSchema.nullish().transform((context) => context ?? noContext),
    ts: orNull(z.int()).describe('When it happened, ms since the epoch; now if absent.'),
  })
  .meta({ id: 'Event', description: 'What a user did.' });

/** What is wrong with an event, of the first issue. */
export function eventProblem(issue: z.core.$ZodIssue): string {
  const { code, path, input } = issue;
  const [field] = path;
  if (field === 'context') return contextProblem(issue);
  if (code === 'unrecognized_keys') return `an event has no field ${describe(issue.keys[0])}`;
  if (field === undefined) return `an event must be an object, it is ${describe(input)}`;
  const name = String(field);
  if (input === undefined || input === null) return `${name} is missing`;
  if (field === 'kind' && typeof input === 'string') {
    return `kind must be one of ${kinds.join(', ')}; it is ${describe(input)}`;
  }
  if (field === 'value') return `value must be a number, it is ${describe(input)}`;
  if (field === 'watch_ms' || field === 'ts')
    return `${name} must be a whole number, it is ${describe(input)}`;
  return typeof input === 'string'
    ? `${name} is not well-formed Unicode`
    : `${name} must be a string, it is ${describe(input)}`;
}

function describe(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 60 ? `${json.slice(0, 60)}...` : json;
}
