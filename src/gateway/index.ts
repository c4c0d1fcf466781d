/**
 * The gateway: where events enter. `POST /events` takes one or a batch, refuses each bad event by itself with the
 * reason, and answers 202 when the log has the others.
 *
 * It promises that what was accepted is durable, and that nothing is accepted which admission would refuse by its
 * form. Duplicates, lateness and the clock are left to admission: the gateway keeps no state.
 */
export {
  Gateway,
  type GatewayOptions,
  MAX_BATCH_EVENTS,
  openGateway,
  type Receipt,
  type Refusal,
} from './gateway.ts';
