// Whether a worker still does anything: the primary asks it again and again, and one that is well answers.
import { type Clock, processClock } from '../lock/clock.ts';
import type { Port } from '../lock/port.ts';

/** How often it is asked, milliseconds. */
const EVERY = 1_000;
/** So many questions in a row without an answer say that it is stopped, or hangs. */
const UNANSWERED = 30;

/** The worker's side: every question has an answer as soon as this process does anything. */
export function answerPulse(port: Port): void {
  port.onMessage(() => port.send({}));
}

/**
 * Calls `stuck` once when a worker that has answered does so no more. What counts is the questions, not the time: while
 * this process is stopped it asks none, and a machine that slept has lost no worker.
 */
export function watchPulse(port: Port, stuck: () => void, clock: Clock = processClock): void {
  let answered = false;
  let unanswered = 0;
  let cancel = (): void => {};
  const ask = (): void => {
    if (unanswered === UNANSWERED) {
      stuck();
      return;
    }
    if (answered) unanswered += 1;
    port.send({});
    cancel = clock.after(EVERY, ask);
  };
  port.onMessage(() => {
    answered = true;
    unanswered = 0;
  });
  port.onGone(() => cancel());
  ask();
}
