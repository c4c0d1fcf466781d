/** A record on its way through a task's operators. Shared between branches: never mutated. */
export type FlowRecord<K = unknown, V = unknown> = {
  readonly key: K;
  readonly value: V;
  /** Event time, ms. */
  readonly timestamp: number;
  /** The task's watermark before the source record that led here: what "late" is measured against. */
  readonly watermark: number;
  /** Position in the task's batch of the source record that led here; orders inputs of one operator. */
  readonly sequence: number;
  /** The timer that led here, where it was none of the batch's records. */
  readonly timer: { readonly key: string; readonly dueMs: number } | undefined;
  /** The `traceparent` header of the source record. */
  readonly trace: Buffer | undefined;
};

/**
 * Merges inputs of one operator into the order in which their causes were read: by sequence, then port. Within a
 * port the order of emission holds.
 */
export function* bySequence(
  ports: readonly (readonly FlowRecord[])[],
): Generator<readonly [port: number, record: FlowRecord]> {
  const cursors = ports.map(() => 0);
  for (;;) {
    let next = -1;
    let sequence = Number.POSITIVE_INFINITY;
    for (let port = 0; port < ports.length; port++) {
      const head = ports[port]?.[cursors[port] ?? 0];
      if (head !== undefined && head.sequence < sequence) {
        next = port;
        sequence = head.sequence;
      }
    }
    if (next < 0) return;
    const cursor = cursors[next] ?? 0;
    cursors[next] = cursor + 1;
    yield [next, ports[next]?.[cursor] as FlowRecord];
  }
}
