/**
 * What threads send each other. A thread answers calls by name, reports events one way, and is told to stop; everything
 * survives a structured clone.
 */
import type { Transferable } from 'node:worker_threads';
import { type Failure, toError } from './failure.ts';

/** What a thread answers: a function of at most one argument for each name. */
export type Answers = { readonly [name: string]: (argument: never) => unknown };

/** What a call by name resolves to. */
export type Answer<A extends Answers, N extends keyof A> =
  Awaited<ReturnType<A[N]>> extends infer V ? (V extends HandedOver<infer T> ? T : V) : never;

export type ToThread = { readonly id: number; readonly name: string; readonly argument: unknown } | 'stop';

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

export type FromThread<E, R> =
  | Reply
  | { readonly event: E }
  /** Sent once, when the thread has opened what it needs. */
  | { readonly ready: R }
  /** Sent last, by a thread that ends because of it. */
  | { readonly failed: Failure };

/** An answer parts of which are moved instead of copied. */
export class HandedOver<T> {
  readonly value: T;
  readonly moved: Transferable[];

  constructor(value: T, moved: Transferable[]) {
    this.value = value;
    this.moved = moved;
  }

  /**
   * With the buffers of all typed arrays in it that cover theirs; those that are views of a part are copied, as are
   * shared ones, which threads go on sharing.
   */
  static whole<T>(value: T): HandedOver<T> {
    const moved = new Set<ArrayBuffer>();
    collectBuffers(value, moved);
    return new HandedOver(value, [...moved]);
  }
}

function collectBuffers(value: unknown, into: Set<ArrayBuffer>): void {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value;
    if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) into.add(buffer);
  } else if (Array.isArray(value)) {
    for (const each of value) collectBuffers(each, into);
  } else if (
    value !== null &&
    typeof value === 'object' &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    for (const each of Object.values(value)) collectBuffers(each, into);
  }
}

type Waiting = { resolve(value: never): void; reject(error: unknown): void };

/** Calls without a reply yet. */
export class PendingCalls {
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** `send` may throw, for what can't be cloned: such a call rejects at once. */
  call<T>(send: (id: number) => void): Promise<T> {
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      send(id);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('failure' in reply) waiting?.reject(toError(reply.failure));
    else waiting?.resolve(reply.value as never);
  }

  /** Rejects all of them: nobody will reply. */
  end(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
