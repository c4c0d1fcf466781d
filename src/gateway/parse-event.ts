import { InputError } from '#platform';
import { avroSchema, type Interaction, type InteractionKind, readContext } from '#schemas';

/** What the gateway supplies where a producer leaves it out. */
export type EventDefaults = { eventId(): string; now(): number };

const { fields } = avroSchema('Interaction') as { readonly fields: readonly SchemaField[] };
type SchemaField = { readonly name: string; readonly type: { readonly symbols?: readonly string[] } };

/** What processing adds is no producer's to give. */
const eventFields = new Set(fields.map(({ name }) => name)).difference(new Set(['original_ts', 'item']));
const kinds = fields.find(({ name }) => name === 'kind')?.type.symbols ?? [];

/**
 * An event from a JSON value. Only user_id and kind are required; what else is absent or null becomes null, event_id
 * and ts are made. InputError MR_EVENT_MALFORMED names the field that is unknown or of the wrong type. Ranges are the
 * business of `invalidReason`.
 */
export function parseEvent(json: unknown, defaults: EventDefaults): Interaction {
  const event = fieldsOf(json);
  const context = readContext(event.context ?? {});
  if (typeof context === 'string') throw malformed(context);
  return {
    event_id: text(event, 'event_id') ?? defaults.eventId(),
    user_id: required(text(event, 'user_id'), 'user_id'),
    item_id: text(event, 'item_id'),
    kind: required(kindOf(event), 'kind'),
    value: number(event, 'value'),
    watch_ms: integer(event, 'watch_ms'),
    session_id: text(event, 'session_id'),
    request_id: text(event, 'request_id'),
    context,
    ts: integer(event, 'ts') ?? defaults.now(),
    original_ts: null,
    item: null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(json: unknown): Fields {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw malformed(`an event must be an object, it is ${describe(json)}`);
  }
  for (const name of Object.keys(json)) {
    if (!eventFields.has(name)) throw malformed(`an event has no field ${describe(name)}`);
  }
  return json as Fields;
}

function required<T>(value: T | null, field: string): T {
  if (value === null) throw malformed(`${field} is missing`);
  return value;
}

function text(fields: Fields, field: string): string | null {
  const value = fields[field] ?? null;
  if (value === null) return null;
  if (typeof value !== 'string') throw malformed(`${field} must be a string, it is ${describe(value)}`);
  // Such a string has no UTF-8, and would come back as another one.
  if (!value.isWellFormed()) throw malformed(`${field} is not well-formed Unicode`);
  return value;
}

function number(fields: Fields, field: string): number | null {
  const value = fields[field] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number') throw malformed(`${field} must be a number, it is ${describe(value)}`);
  return value;
}

function integer(fields: Fields, field: string): number | null {
  const value = number(fields, field);
  if (value !== null && !Number.isSafeInteger(value)) {
    throw malformed(`${field} must be a whole number, it is ${value}`);
  }
  return value;
}

function kindOf(event: Fields): InteractionKind | null {
  const kind = text(event, 'kind');
  if (kind === null || kinds.includes(kind)) return kind as InteractionKind | null;
  throw malformed(`kind must be one of ${kinds.join(', ')}; it is ${describe(kind)}`);
}

function describe(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 60 ? `${json.slice(0, 60)}...` : json;
}

function malformed(problem: string): InputError {
  return new InputError('MR_EVENT_MALFORMED', problem, {
    hint: 'The fields of an event are those of schemas/avro/interaction.avsc, less original_ts.',
  });
}
