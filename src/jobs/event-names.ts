/** Apart from what they are, so that options can be read without the engine. */
export const EVENT_NAMES = ['promoted', 'snapshot'] as const;

export type EventName = (typeof EVENT_NAMES)[number];
