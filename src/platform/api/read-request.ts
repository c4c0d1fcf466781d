import type { z } from 'zod';
import { InputError, invariant } from '../errors.ts';
import type { HttpRequest } from '../http.ts';
import type { Operation } from './operation.ts';

const parts = ['params', 'query', 'body'] as const;

/** The parts of a request as their schemas make them. Errors: InputError MR_HTTP_REQUEST, or what the operation refuses with. */
export function readRequest(operation: Operation, request: HttpRequest): Record<string, unknown> {
  return Object.fromEntries(
    parts.flatMap((part) => {
      const schema = operation[part];
      if (schema === undefined) return [];
      const { success, data } = schema.safeParse(request[part]);
      if (success) return [[part, data]];
      // Once more: parsing takes three times as long where issues are to have the values that they are about.
      const issue = schema.safeParse(request[part], { reportInput: true }).error?.issues[0];
      invariant(issue !== undefined, `what does not fit ${operation.id} fits it a moment later`);
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
