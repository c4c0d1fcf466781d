/** The routes of a process, and those of all rooms together. */
import { QUERY_OPERATIONS } from '#engine/operations';
import { GATEWAY_OPERATIONS } from '#gateway/operations';
import { JOB_OPERATIONS } from '#jobs/operations';
import { type Operation, operation, PLATFORM_OPERATIONS, z } from '#platform/api';
import { RESPONDER_OPERATIONS } from '#responders/operations';
import { VERSION_OPERATIONS } from '#versions/operations';

const counts = z.record(z.string(), z.number());
const task = z
  .strictObject({
    name: z.string(),
    state: z.string(),
    inputs: z.array(
      z.strictObject({
        topic: z.string(),
        partition: z.int(),
        position: z.number().describe('The next offset to be processed.'),
        end: z.number().nullable(),
        lag: z.number().nullable(),
      }),
    ),
    watermark: z.number().nullable(),
    restore: z
      .strictObject({
        restored: z.number(),
        total: z.number(),
        recordsPerSecond: z.number(),
        etaMs: z.number().nullable(),
      })
      .optional(),
    operators: z.array(
      z.strictObject({
        operator: z.string(),
        in: z.number(),
        out: z.number(),
        dropped: counts,
        rejected: counts,
      }),
    ),
  })
  .meta({ id: 'Task' });

export const listTasks = operation({
  id: 'listTasks',
  method: 'GET',
  path: '/tasks',
  tag: 'processing',
  access: { right: 'observe' },
  summary: 'What the tasks of this process are doing.',
  answer: {
    description: 'By member: each thread that processes is one.',
    schema: z.strictObject({
      members: z.array(
        z.strictObject({
          memberId: z.string(),
          isRebalancing: z.boolean(),
          bufferedBytes: z.number(),
          commitMs: z.number().nullable(),
          tasks: z.array(task),
        }),
      ),
    }),
    example: {
      members: [{ memberId: 'm-1', isRebalancing: false, bufferedBytes: 0, commitMs: 3.2, tasks: [] }],
    },
  },
});

export const getTopology = operation({
  id: 'getTopology',
  method: 'GET',
  path: '/topology',
  tag: 'processing',
  access: { right: 'observe' },
  summary: 'What the processors consist of.',
  answer: {
    description: 'As `millrace topology --json` prints it.',
    schema: z
      .strictObject({
        name: z.string(),
        generation: z.int(),
        subTopologies: z.array(
          z.strictObject({
            name: z.string(),
            partitions: z.int(),
            nodes: z.array(z.looseObject({ name: z.string(), kind: z.string() })),
            stores: z.array(z.looseObject({ name: z.string(), changelog: z.string() })),
          }),
        ),
        globalTables: z.array(z.string()),
        internalTopics: z.array(z.looseObject({ name: z.string(), partitions: z.int() })),
      })
      .meta({ id: 'Topology' }),
  },
});

export const listTopics = operation({
  id: 'listTopics',
  method: 'GET',
  path: '/topics',
  tag: 'processing',
  access: { right: 'observe' },
  summary: 'What is on the log, and how far the processors have read it.',
  answer: {
    description: 'As `millrace topics --json` prints them.',
    schema: z.strictObject({
      topics: z.array(
        z
          .strictObject({
            topic: z.string(),
            partitions: z.int(),
            records: z.number().describe('Offsets from the first to the last readable one.'),
            retention: z.string(),
            lag: z.number().nullable().describe('Records that the processors have not committed yet.'),
          })
          .meta({ id: 'ListedTopic' }),
      ),
    }),
    example: {
      topics: [{ topic: 'interactions', partitions: 8, records: 4200, retention: '30 days', lag: 0 }],
    },
  },
});

/** Everything that "millrace start" serves. */
export const operations: readonly Operation[] = [
  ...PLATFORM_OPERATIONS,
  ...GATEWAY_OPERATIONS,
  ...RESPONDER_OPERATIONS,
  ...VERSION_OPERATIONS,
  ...JOB_OPERATIONS,
  ...QUERY_OPERATIONS,
  listTasks,
  getTopology,
  listTopics,
];
