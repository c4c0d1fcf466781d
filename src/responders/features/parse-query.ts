/** A question for features as it comes over HTTP. */
import { contextFields, type Device, devices, type InteractionContext } from '#schemas';
import { badRequest } from './query-check.ts';

/** With the user as the world outside names them. */
export type AskedFeatures = {
  readonly user?: string;
  readonly items?: readonly string[];
  readonly views?: readonly string[];
  readonly context?: InteractionContext;
};

const fields: ReadonlySet<string> = new Set(['user', 'items', 'views', 'context']);
const HINT =
  'Send {"user": "u1", "items": ["i1"], "views": ["user-features"], "context": {"device": "tv"}}, or a part.';

/** `?views=a,b`; undefined where it is absent. Errors: MR_FEATURES_REQUEST where it is given twice. */
export function parseViews(text: unknown): readonly string[] | undefined {
  if (text === undefined) return undefined;
  if (typeof text === 'string') return text === '' ? [] : text.split(',');
  throw badRequest('views is given more than once.', 'Separate the names of views by commas.');
}

/** The body of `POST /features`. Errors: MR_FEATURES_REQUEST names the field that is unknown or of the wrong type. */
export function parseQuery(json: unknown): AskedFeatures {
  const { user, items, views, context } = fieldsOf(json, 'The body', fields);
  return {
    ...(isGiven(user) && { user: text(user, 'user') }),
    ...(isGiven(items) && { items: texts(items, 'items') }),
    ...(isGiven(views) && { views: texts(views, 'views') }),
    ...(isGiven(context) && { context: parseContext(context) }),
  };
}

function parseContext(json: unknown): InteractionContext {
  const { device, country, language } = fieldsOf(json, 'context', contextFields);
  return {
    device: isGiven(device) ? parseDevice(device) : null,
    country: isGiven(country) ? text(country, 'context.country') : null,
    language: isGiven(language) ? text(language, 'context.language') : null,
  };
}

function parseDevice(value: unknown): Device {
  if (typeof value === 'string' && Object.hasOwn(devices, value)) return value as Device;
  throw badRequest(`context.device is none of ${Object.keys(devices).join(', ')}.`, HINT);
}

function fieldsOf(json: unknown, what: string, known: ReadonlySet<string>): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw badRequest(`${what} is no JSON object.`, HINT);
  }
  const unknown = Object.keys(json).find((name) => !known.has(name));
  if (unknown !== undefined) throw badRequest(`${what} has no field ${JSON.stringify(unknown)}.`, HINT);
  return json as Record<string, unknown>;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw badRequest(`${name} is no text.`, HINT);
}

function texts(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw badRequest(`${name} is no list of texts.`, HINT);
}
