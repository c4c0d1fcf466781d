/**
 * The acts of operators as events on topic `audit`: who did what, to what, and how it ended.
 *
 * It promises that an act which has returned is on the topic. Who may act is left to `#access`, what an act does to its room.
 */
export { type Act, audited, auditRecord, operatorOfThisMachine } from './audit.ts';
