import type { FastifyInstance } from 'fastify';
import { InvariantError } from '../errors.ts';
import { codesOf } from './document.ts';
import type { Operation } from './operation.ts';
import { problemSchema } from './problem.ts';

/**
 * For tests, which set MILLRACE_HTTP_CHECKED: an answer that isn't as its operation declares becomes an InvariantError, which
 * says why.
 */
export function checkAnswers(routes: FastifyInstance): void {
  routes.addHook('onSend', async ({ routeOptions }, reply, payload) => {
    const { operation } = routeOptions.config;
    if (operation === undefined || typeof payload !== 'string') return;
    const wrong = whatIsWrong(operation, reply.statusCode, payload);
    if (wrong !== undefined)
      throw new InvariantError(`${operation.id} answers ${reply.statusCode}: ${wrong}`);
  });
}

/** Undefined for what the operation declares. */
function whatIsWrong(operation: Operation, status: number, payload: string): string | undefined {
  const { answer } = operation;
  // A fault has any code, and the answer that says so is one.
  if (status === 500) return undefined;
  if (status === (answer.status ?? 200)) {
    if (answer.mediaType !== undefined) return undefined;
    return answer.schema.safeParse(JSON.parse(payload)).error?.message;
  }
  const problem = problemSchema.safeParse(JSON.parse(payload));
  if (!problem.success) return problem.error.message;
  const members = operation.members?.[status]?.safeParse(problem.data);
  if (members?.error !== undefined) return members.error.message;
  const { code } = problem.data;
  if (problem.data.status !== status) return `the body says ${problem.data.status}`;
  const isOfAll =
    status === 503 || status === 421 || (status === 429 && /^MR_(HTTP_PIPELINED|ACCESS_RATE)$/.test(code));
  if (isOfAll || codesOf(operation).get(status)?.has(code)) return undefined;
  return `${code} is not documented`;
}
