import { z } from 'zod';

/** The body of every answer that is an error: problem details as of RFC 9457. */
export const problemSchema = z
  .looseObject({
    type: z.string().meta({ description: 'Where the code is described, relative to this server.' }),
    title: z.string().meta({ description: 'The status in words.' }),
    status: z.int(),
    detail: z.string().meta({ description: 'What is wrong with this request.' }),
    code: z
      .string()
      .regex(/^MR_[A-Z0-9_]+$/)
      .meta({ description: 'The stable code of the error.' }),
    message: z.string().meta({ description: 'The same as `detail`.' }),
    hint: z.string().optional().meta({ description: 'What can be done about it.' }),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457) with a stable code.' });
