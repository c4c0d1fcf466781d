/**
 * The gateway: where events enter. `POST /events` takes one or a batch, refuses each bad event by itself with the
 * reason, and answers 202 when the log has the others; `PUT /users/USER/privacy` takes down that a user opts out or in,
 * for callers with the right `privacy`; so does `POST /pseudonyms`, for producers that write to the log.
 *
 * It promises that what was accepted is durable, that nothing is accepted which admission would refuse by its form, and
 * that users are on the log under their pseudonyms alone. Duplicates, lateness, the clock and those who have opted out are
 * left to admission: the gateway keeps nothing of them.
 */
export {
  type GatewayOptions,
  openGateway,
  type Receipt,
  type Refusal,
} from './gateway.ts';
