import type { Provider, Session } from './graph/session.ts';

/** What a training says of itself whose steps run one graph. */
export abstract class SessionTraining {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly provider: Provider;
  readonly fallbackReason: string | undefined;

  constructor(
    epochs: number,
    stepsPerEpoch: number,
    { provider, fallbackReason }: Pick<Session, 'provider' | 'fallbackReason'>,
  ) {
    this.epochs = epochs;
    this.stepsPerEpoch = stepsPerEpoch;
    this.provider = provider;
    this.fallbackReason = fallbackReason;
  }
}
