// Publishes interactions that Millrace processes: see README.md.
import { randomUUID } from 'node:crypto';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import kafkajs from 'kafkajs';

const {
  BROKERS = '127.0.0.1:9092',
  REGISTRY = 'http://127.0.0.1:8081/apis/ccompat/v7',
  /** What stands before the names of topics, where the address of Millrace's log has ?prefix=. */
  TOPIC_PREFIX = '',
  /** The same for the address of its registry. */
  SUBJECT_PREFIX = '',
  /** The address of Millrace, such as http://127.0.0.1:8080, which tells the names of users; '' where ids are names. */
  MILLRACE = '',
  /** The token of its option admin.token. */
  MILLRACE_TOKEN = '',
} = process.env;
const count = Number(process.argv[2] ?? 100);
const topic = `${TOPIC_PREFIX}interactions`;

const registry = new SchemaRegistry({ host: REGISTRY });
// Millrace has registered the schema under this name; what does not fit it, `encode` refuses here.
const schemaId = await registry.getLatestSchemaId(`${SUBJECT_PREFIX}interactions-value`);

const kafka = new kafkajs.Kafka({ clientId: 'producer-kafkajs', brokers: BROKERS.split(',') });
// Java's way from a key to its partition, which Millrace relies on: all events of a user are in one partition.
const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
const producer = kafka.producer({ createPartitioner, idempotent: true });
await producer.connect();

/** What the log calls users, in their order. Ask once for each user, and keep it. */
async function namesOf(userIds) {
  if (MILLRACE === '') return userIds;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${MILLRACE_TOKEN}` };
  const body = JSON.stringify({ user_ids: userIds });
  const response = await fetch(`${MILLRACE}/pseudonyms`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`no pseudonyms: ${await response.text()}`);
  return (await response.json()).pseudonyms;
}

const users = await namesOf(Array.from({ length: 13 }, (_, i) => `u${i}`));
const now = Date.now();
const messages = [];
for (let i = 0; i < count; i++) {
  const event = {
    event_id: randomUUID(),
    user_id: users[(i * 7) % 13],
    item_id: `i${(i * 5) % 11}`,
    kind: ['impression', 'click', 'view', 'like'][i % 4],
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: 'desktop', country: 'DE', language: 'de' },
    ts: now - (count - i),
    original_ts: null,
  };
  messages.push({
    key: event.user_id,
    value: await registry.encode(schemaId, event),
    // The record's time is the event's.
    timestamp: String(event.ts),
  });
}
await producer.send({ topic, acks: -1, messages });
await producer.disconnect();
console.log(JSON.stringify({ topic, schemaId, sent: messages.length }));
