import type { z } from 'zod';
import type { InputError } from '../errors.ts';
import type { HttpReply, HttpRequest } from '../http.ts';
import type { Access, Caller } from './access.ts';

/** Says what is wrong with a part of a request, with the code that the route promises; undefined for MR_HTTP_REQUEST. */
export type Refuse = (issue: z.core.$ZodIssue) => InputError | undefined;

type Parts<T> = { readonly params?: T; readonly query?: T; readonly body?: T };

/**
 * A route as it is declared: its request is validated by these schemas, and `/openapi.json` is made of them. Where a room
 * says nothing else, what doesn't fit is refused with MR_HTTP_REQUEST.
 */
export type Operation = {
  /** Name of the operation, unique among all. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** As Fastify writes it: `/recommend/:user_id`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Who may call it. */
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The form of a body whose parts are held against it one by one. */
  readonly shownBody?: z.ZodType;
  /** An answer leaves a record: HEAD is refused. */
  readonly isRecorded?: true;
  readonly answer: {
    /** 200 where it is not said. */
    readonly status?: number;
    readonly description: string;
    readonly schema: z.ZodType;
    /** application/json where it is not said. */
    readonly mediaType?: string;
    readonly example?: unknown;
  };
  /** By status, the codes of refusals that this route alone has; those that all routes have are added to the document. */
  readonly errors?: Readonly<Record<number, readonly string[]>>;
  /** What problems of a status tell beside the members that all have. */
  readonly members?: Readonly<Record<number, z.ZodObject>>;
  /** A request that the route answers. */
  readonly example?: Parts<unknown>;
  readonly refuse?: Parts<Refuse>;
  /** How the document shows a path with a wildcard, which OpenAPI lacks. */
  readonly shownAs?: { readonly path: string; readonly params: z.ZodObject };
};

/** Keeps the types of the schemas. */
export function operation<const O extends Operation>(declared: O): O {
  return declared;
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** A request that fits its schemas. */
export type Input<O extends Operation> = {
  readonly params: O extends { readonly params: infer S } ? Output<S> : undefined;
  readonly query: O extends { readonly query: infer S } ? Output<S> : undefined;
  readonly body: O extends { readonly body: infer S } ? Output<S> : undefined;
  readonly request: HttpRequest;
  readonly reply: HttpReply;
  /** Null where the route is public. */
  readonly caller: Caller | null;
};

export type AnswerOf<O extends Operation> = DeepReadonly<z.output<O['answer']['schema']>>;

/** What the handler of a route returns: the answer, or the reply where it has sent something else. */
export type Handler<O extends Operation> = (
  input: Input<O>,
) => AnswerOf<O> | HttpReply | Promise<AnswerOf<O> | HttpReply>;
