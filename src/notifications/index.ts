/**
 * Telling others what becomes of versions and of runs of jobs, once each and in order, by one active process of the
 * installation a channel: a web hook, mail.
 *
 * It promises deliveries with stable ids, retried until the receiver takes them or refuses them for good; those go to the
 * dead letters. Posts to a web hook are signed.
 */
export { type MailOptions, openMail } from './channels/mail.ts';
export { CHANNEL_GROUPS, type Channel } from './channels/port.ts';
export { webHook } from './channels/web-hook.ts';
export { notify } from './notifier.ts';
