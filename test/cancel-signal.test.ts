// A Cancellation is asked and told as an AbortSignal is: both are put through the same.

import t from 'tap';
import { Cancellation, type CancelSignal } from '../src/cancel-signal.ts';

interface Cancelling {
  readonly signal: CancelSignal;
  abort(): void;
}

const KINDS: Record<string, () => Cancelling> = {
  Cancellation: () => {
    const signal = new Cancellation();
    return { signal, abort: () => signal.abort() };
  },
  AbortController: () => {
    const controller = new AbortController();
    return { signal: controller.signal, abort: () => controller.abort() };
  },
};

for (const [kind, make] of Object.entries(KINDS)) {
  t.test(kind, async (t) => {
    t.test('tells each listener once, in order, and says so then', async (t) => {
      const { signal, abort } = make();
      const told: string[] = [];
      signal.addEventListener('abort', () => told.push(`first ${signal.aborted}`));
      signal.addEventListener('abort', () => told.push('second'));
      t.equal(signal.aborted, false);
      abort();
      abort();
      t.strictSame(told, ['first true', 'second']);
      t.equal(signal.aborted, true);
    });

    t.test('does not tell a listener that was taken back', async (t) => {
      const { signal, abort } = make();
      const told: string[] = [];
      const leaver = () => told.push('leaver');
      signal.addEventListener('abort', leaver);
      signal.addEventListener('abort', () => told.push('stayer'));
      signal.removeEventListener('abort', leaver);
      signal.removeEventListener('abort', () => {});
      abort();
      t.strictSame(told, ['stayer']);
    });

    t.test('does not tell one that is taken back by another', async (t) => {
      const { signal, abort } = make();
      const told: string[] = [];
      const second = () => told.push('second');
      signal.addEventListener('abort', () => {
        told.push('first');
        signal.removeEventListener('abort', second);
      });
      signal.addEventListener('abort', second);
      signal.addEventListener('abort', () => told.push('third'));
      abort();
      t.strictSame(told, ['first', 'third']);
    });

    t.test('never tells one that comes too late', async (t) => {
      const { signal, abort } = make();
      const told: string[] = [];
      const late = () => told.push('late');
      signal.addEventListener('abort', () => signal.addEventListener('abort', late));
      abort();
      signal.addEventListener('abort', late);
      abort();
      t.strictSame(told, []);
    });
  });
}
