// A signal counts from the moment in which somebody listens, whether the gateway is up or not.

import { pino } from 'pino';
import t from 'tap';
import { listenForStop, untilStopped } from '../../src/commands/stop-signals.ts';

const rows: { signal: NodeJS.Signals; delayMs: number | undefined }[] = [
  { signal: 'SIGTERM', delayMs: undefined },
  { signal: 'SIGQUIT', delayMs: undefined },
  { signal: 'SIGINT', delayMs: 0 },
];
for (const { signal, delayMs } of rows) {
  for (const early of [true, false]) {
    t.test(`${signal} ${early ? 'while it is starting' : 'when it is up'} stops it once`, async (t) => {
      const stops: (number | undefined)[] = [];
      const running = {
        async stop(ms?: number) {
          stops.push(ms);
          return 'ended';
        },
      };
      const signals = listenForStop();
      t.teardown(() => {
        for (const row of rows) process.removeAllListeners(row.signal);
      });
      if (early) process.emit(signal);
      const stopped = untilStopped(running, signals, pino({ level: 'silent' }));
      if (!early) process.emit(signal);
      t.equal(await stopped, 'ended');
      t.same(stops, [delayMs]);
    });
  }
}
