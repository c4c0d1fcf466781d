import type { z } from 'zod';
import { InputError } from '../errors.ts';
import type { HttpRequest } from '../http.ts';
import type { Operation } from './operation.ts';

const parts = ['params', 'query', 'body'] as const;

/** The parts of a request as their schemas make them. Errors: InputError MR_HTTP_REQUEST, or what the operation refuses with. */
export function readRequest(operation: Operation, request: HttpRequest): Record<string, unknown> {
  return Object.fromEntries(
    parts.flatMap((part) => {
      const schema = operation[part];
      if (schema === undefined) return [];
      const { success, data, error } = schema.safeParse(request[part], { reportInput: true });
      if (success) return [[part, data]];
      const [issue] = error.issues as [z.core.$ZodIssue];
      throw operation.refuse?.[part]?.(issue) ?? doesNotFit(part, issue);
    }),
  );
}

function doesNotFit(part: string, { path, message }: z.core.$ZodIssue): InputError {
  const where = [part, ...path.map(String)].join('.');
  return new InputError('MR_HTTP_REQUEST', `${where}: ${message}.`, {
    hint: 'Compare the request with /openapi.json.',
  });
}
