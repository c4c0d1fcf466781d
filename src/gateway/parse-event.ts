import { InputError } from '#platform';
import type { Interaction } from '#schemas';
import { eventProblem, eventSchema } from './event-schema.ts';

/** What the gateway supplies where a producer leaves it out. */
export type EventDefaults = { eventId(): string; now(): number };

/**
 * An event from a JSON value, with event_id and ts made where they are absent. InputError MR_EVENT_MALFORMED names the field
 * that is unknown, missing or of the wrong type.
 */
export function parseEvent(json: unknown, defaults: EventDefaults): Interaction {
  const { data } = eventSchema.safeParse(json);
  if (data === undefined) throw malformed(json);
  const { event_id, ts } = data;
  return {
    ...data,
    event_id: event_id ?? defaults.eventId(),
    ts: ts ?? defaults.now(),
    original_ts: null,
    item: null,
  };
}

/** Parsed once more, because parsing takes three times as long where an issue is to have the value that it is about. */
function malformed(json: unknown): InputError {
  const [issue] = eventSchema.safeParse(json, { reportInput: true }).error?.issues ?? [];
  return new InputError('MR_EVENT_MALFORMED', issue === undefined ? 'it is no event' : eventProblem(issue), {
    hint: 'The fields of an event are those of schemas/avro/interaction.avsc, less original_ts.',
  });
}
