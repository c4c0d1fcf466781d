/** Forms that requests of several services share; a door of its own, because it loads zod. */
import { z } from '#platform/api';
import type { Device } from './generated/types.ts';
import { invalidIdReason, MAX_ID_LENGTH } from './ids.ts';
import { devices } from './interaction-context.ts';

/** An id as events carry it. An issue's message is what a refusal says of it: `must have 1 to ...`. */
export const idText = z
  .string()
  .refine((id) => invalidIdReason(id) === undefined, { error: ({ input }) => invalidIdReason(String(input)) })
  .meta({ wire: { type: 'string', minLength: 1, maxLength: MAX_ID_LENGTH } });

const wellFormed = z.string().refine((text) => text.isWellFormed());
/** What a request may come from. */
export const device = z.enum(Object.keys(devices) as [Device, ...Device[]]);

const orNull = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null);
const givenOrNull = <S extends z.ZodType>(schema: S) => schema.optional().transform((value) => value ?? null);

/** The context of a request in its query; what is left out becomes null. */
export const contextQuery = {
  device: givenOrNull(device).describe('What the request comes from.'),
  country: givenOrNull(wellFormed).describe('As events carry it.'),
  language: givenOrNull(wellFormed).describe('As events carry it.'),
};

/** The context of a request in its body; what is left out becomes null. */
export const contextSchema = z
  .strictObject({ device: orNull(device), country: orNull(wellFormed), language: orNull(wellFormed) })
  .meta({ id: 'Context', description: 'By what, where and in which language it is asked.' });

/** What is wrong with a context, from an issue below `path`. */
export function contextProblem({ code, path, ...issue }: z.core.$ZodIssue): string {
  if (code === 'unrecognized_keys') {
    return `context has no field ${JSON.stringify((issue as { keys?: readonly string[] }).keys?.[0])}`;
  }
  const field = path.at(-1);
  if (field === 'device' && typeof issue.input === 'string') {
    return `context.device must be one of ${Object.keys(devices).join(', ')}`;
  }
  return field === undefined || field === 'context'
    ? 'context must be an object'
    : `context.${String(field)} must be well-formed text`;
}
