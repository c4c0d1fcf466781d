import { ConfigurationError, MillraceError, RetryableError } from '#platform';

/** First words of replies that say "not now"; of the others, each says that something is set up wrongly. */
const passing =
  /^(LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|READONLY|NOREPLICAS|MISCONF|OOM|UNKILLABLE|MOVED|ASK)\b/;

/**
 * An error of the client as one of ours. The original is not attached: it carries the command with its arguments, and
 * so passwords and users' rows.
 */
export function redisError(error: unknown, name: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const { message, isReply } = described(error);
  const cause = new Error(message);
  if (isReply && !passing.test(message)) {
    return new ConfigurationError('MR_REDIS_REFUSED', `Redis at ${name} refuses: ${message}`, {
      hint: "Check user, password and database in the address of option views, and the user's permissions.",
      cause,
    });
  }
  return new RetryableError('MR_REDIS_UNAVAILABLE', `Redis at ${name} is not available: ${message}`, {
    hint: 'Check the address of option views, and that it runs and is reachable; the views resume when it does.',
    cause,
  });
}

export function isReply(error: unknown, firstWord: string): boolean {
  const { message, isReply: replied } = described(error);
  return replied && message.startsWith(firstWord);
}

function described(error: unknown): { message: string; isReply: boolean } {
  if (!(error instanceof Error)) return { message: String(error), isReply: false };
  // All nodes of a cluster have failed: the last one says why.
  const { lastNodeError } = error as { lastNodeError?: unknown };
  if (lastNodeError instanceof Error) return described(lastNodeError);
  return { message: error.message, isReply: error.name === 'ReplyError' };
}
