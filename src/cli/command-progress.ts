import { createProgress, type Progress, type ProgressStep, progressStyle } from '#platform';
import type { Output } from './output.ts';

export type CommandProgress = Progress & {
  /** Ends what is being drawn; steps begun from now on are not shown. */
  hush(): void;
};

/** The progress bars of a command; an interruption ends the one that is being drawn, so that nothing runs into it. */
export function commandProgress(output: Output, signal: AbortSignal): CommandProgress {
  let progress = createProgress({ style: progressStyle(output.json) });
  let open: ProgressStep | undefined;
  const hush = () => {
    progress = createProgress({ style: 'silent' });
    open?.done();
    open = undefined;
  };
  signal.addEventListener('abort', hush, { once: true });
  return {
    hush,
    start: (label, total) => {
      const step = progress.start(label, total);
      open = step;
      const ifOpen = (act: () => void) => {
        if (open === step) act();
      };
      return {
        advance: (units) => ifOpen(() => step.advance(units)),
        update: (done, note) => ifOpen(() => step.update(done, note)),
        done: (note) =>
          ifOpen(() => {
            open = undefined;
            step.done(note);
          }),
      };
    },
  };
}
