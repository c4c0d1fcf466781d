/** What every server serves, whatever else it does. */
import { z } from 'zod';
import { operation } from './operation.ts';

export const root = operation({
  id: 'getServer',
  method: 'GET',
  path: '/',
  tag: 'server',
  access: 'public',
  summary: 'What this server is, and where to go on.',
  answer: {
    description: 'Name, version and links.',
    schema: z.strictObject({
      name: z.literal('millrace'),
      version: z.string(),
      links: z.strictObject({
        openapi: z.string(),
        docs: z.string(),
        health: z.string(),
        metrics: z.string(),
      }),
    }),
    example: {
      name: 'millrace',
      version: '0.1.0',
      links: { openapi: '/openapi.json', docs: '/docs', health: '/health/ready', metrics: '/metrics' },
    },
  },
});

export const document = operation({
  id: 'getOpenApi',
  method: 'GET',
  path: '/openapi.json',
  tag: 'server',
  access: 'public',
  summary: 'This description of all routes, OpenAPI 3.1.',
  answer: { description: 'The document.', schema: z.looseObject({ openapi: z.string() }) },
});

export const docs = operation({
  id: 'getDocs',
  method: 'GET',
  path: '/docs',
  tag: 'server',
  access: 'public',
  summary: 'The same as a page to read.',
  answer: { description: 'A page without scripts.', mediaType: 'text/html', schema: z.string() },
});

export const live = operation({
  id: 'getLiveness',
  method: 'GET',
  path: '/health/live',
  tag: 'server',
  access: 'public',
  summary: 'Whether the process responds.',
  answer: {
    description: 'It does.',
    schema: z.strictObject({ status: z.literal('live') }),
    example: { status: 'live' },
  },
});

const roles = z.record(z.string(), z.string()).optional().describe('What each role of the process is doing.');

export const ready = operation({
  id: 'getReadiness',
  method: 'GET',
  path: '/health/ready',
  tag: 'server',
  access: 'public',
  summary: 'Whether answers are as good as they should be.',
  description: 'While they are not, 503 names what the server is waiting for.',
  answer: {
    description: 'They are.',
    schema: z.strictObject({ status: z.literal('ready'), roles }),
    example: { status: 'ready', roles: { gateway: 'takes events' } },
  },
  errors: { 503: ['MR_HTTP_NOT_READY'] },
  members: {
    503: z.object({
      not_ready: z.array(z.strictObject({ name: z.string(), reason: z.string() })).optional(),
      roles,
    }),
  },
});

export const metrics = operation({
  id: 'getMetrics',
  method: 'GET',
  path: '/metrics',
  tag: 'server',
  access: { right: 'observe' },
  summary: 'Metrics for Prometheus.',
  answer: { description: 'Its text format.', mediaType: 'text/plain', schema: z.string() },
});

export const PLATFORM_OPERATIONS = [root, document, docs, live, ready, metrics];
