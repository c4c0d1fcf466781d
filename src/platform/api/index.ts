/**
 * How a room declares its routes, in its operations.ts: the schemas that requests are validated with, which `/openapi.json`
 * and the types of the client are made of. It is a door of its own, so that a worker thread need not load zod.
 */
export { z } from 'zod';
export { type Access, RIGHTS, type Right, usersIn } from './access.ts';
export { type OpenApi, openApi } from './document.ts';
export {
  type AnswerOf,
  type Handler,
  type Input,
  type Operation,
  operation,
  type Refuse,
} from './operation.ts';
export { PLATFORM_OPERATIONS } from './operations.ts';
export { productVersion } from './served.ts';
export { wholeNumber } from './wire.ts';
