/**
 * Telling a web hook what becomes of versions, once each and in order, by one active process of the installation.
 *
 * It promises signed deliveries with stable ids, retried until the receiver takes them or refuses them for good; those go
 * to the dead letters.
 */
export { NOTIFICATIONS_GROUP, notify } from './notifier.ts';
