import { deflateRawSync, inflateRawSync } from 'node:zlib';
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
} from '@platformatic/kafka';
import { corruptBatch } from '../../errors.ts';

/**
 * The bytes that members and leader exchange through the coordinator, in the format of Kafka's own consumers: so the
 * coordinator and Java's tools can read them. What is ours travels in their field for user data.
 *
 * The coordinator keeps what all members say and get in one record, of 1 MiB at most by default (message.max.bytes). What is
 * long is therefore compressed: shares of a large topology are text that says nearly the same to everyone.
 */

/** The oldest that has user data and owned partitions, which tools may look for. */
const VERSION = 1;
const ASK_BYTES = 4;
const COMPRESSED_FROM_BYTES = 512;
const PLAIN = 0;
const DEFLATED = 1;

export type Subscription = {
  /** Names on the brokers. The coordinator lets the offsets of other topics expire while the group goes on. */
  readonly topics: readonly string[];
  /**
   * Counts the rounds that the member has requested, as an unsigned 32-bit number: a follower that rejoins with the same
   * bytes gets the coordinator's last answer again, and no round.
   */
  readonly ask: number;
  readonly metadata: Buffer;
};

export function encodeSubscription({ topics, ask, metadata }: Subscription): Buffer {
  const counter = Buffer.alloc(ASK_BYTES);
  counter.writeUInt32BE(ask);
  const userData = Buffer.concat([counter, packed(metadata)]);
  return encodeConsumerProtocolSubscription({ version: VERSION, topics: [...topics], userData });
}

export function decodeSubscription(bytes: Buffer): Subscription {
  const { topics, userData } = decodeConsumerProtocolSubscription(bytes);
  return { topics, ask: userData.readUInt32BE(), metadata: unpacked(userData.subarray(ASK_BYTES)) };
}

export function encodeShare(share: Buffer): Buffer {
  const userData = packed(share);
  return encodeConsumerProtocolAssignment({ version: VERSION, assignedPartitions: [], userData });
}

/** Empty where the leader has given none. */
export function decodeShare(bytes: Buffer): Buffer {
  const { userData } = decodeConsumerProtocolAssignment(bytes);
  return userData.length === 0 ? Buffer.alloc(0) : unpacked(userData);
}

function packed(bytes: Buffer): Buffer {
  if (bytes.length < COMPRESSED_FROM_BYTES) return Buffer.concat([Buffer.of(PLAIN), bytes]);
  return Buffer.concat([Buffer.of(DEFLATED), deflateRawSync(bytes)]);
}

/** In memory of its own. */
function unpacked(bytes: Buffer): Buffer {
  const rest = bytes.subarray(1);
  if (bytes[0] === DEFLATED) return inflateRawSync(rest);
  if (bytes[0] !== PLAIN) throw corruptBatch('a group member', `its bytes are of format ${bytes[0]}`);
  return Buffer.from(rest);
}
