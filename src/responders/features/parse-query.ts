/** A question for features as it comes over HTTP. */
import { type InteractionContext, readContext } from '#schemas';
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
  'Send {"user": "u1", "items": ["i1"], "views": ["user-features"], "context": {"device": "tv"}}, or part of it.';

/** The names in `?views=a,b`. */
export function parseViews(text: string): readonly string[] {
  return text === '' ? [] : text.split(',');
}

/** The body of `POST /features`. Errors: MR_FEATURES_REQUEST names the field that is unknown or of the wrong type. */
export function parseQuery(json: unknown): AskedFeatures {
  const { user, items, views, context } = fieldsOf(json);
  return {
    ...(isGiven(user) && { user: text(user, 'user') }),
    ...(isGiven(items) && { items: texts(items, 'items') }),
    ...(isGiven(views) && { views: texts(views, 'views') }),
    ...(isGiven(context) && { context: parseContext(context) }),
  };
}

function parseContext(json: unknown): InteractionContext {
  const context = readContext(json);
  if (typeof context === 'string') throw badRequest(`${context}.`, HINT);
  return context;
}

function fieldsOf(json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw badRequest('The body is not a JSON object.', HINT);
  }
  const unknown = Object.keys(json).find((name) => !fields.has(name));
  if (unknown !== undefined) throw badRequest(`The body has no field ${JSON.stringify(unknown)}.`, HINT);
  return json as Record<string, unknown>;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw badRequest(`${name} is not a string.`, HINT);
}

function texts(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw badRequest(`${name} is not a list of strings.`, HINT);
}
