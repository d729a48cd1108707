// ifmatch worker: what serve starts several of (`workers`); of no use by itself.
import cluster from 'node:cluster';
import { openLog, standardOutput } from '../app/log.ts';
import { formatFault } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { channelOf, pulseOf } from '../workers/channel.ts';
import { answerPulse } from '../workers/pulse.ts';
import { Orders, reportFault, runWorker } from '../workers/worker.ts';
import { logLevel } from './serve.ts';
import { startFault } from './start-fault.ts';
import type { Terminal } from './terminal.ts';

/** 0 after a clean stop that was ordered, 1 otherwise. */
export async function worker(_args: string[], terminal: Terminal): Promise<number> {
  if (cluster.worker === undefined)
    return terminal.fail('worker is started by serve, where workers is above 1');
  // a terminal, and some supervisors, signal the whole group; it is the primary that says when to stop
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
    process.on(signal, () => {});
  // otherwise Node ends it in the middle of a write when the primary is gone
  cluster.worker.exitedAfterDisconnect = true;
  answerPulse(pulseOf(process));
  const channel = channelOf(process);
  const orders = new Orders(channel);
  const order = await Promise.race([orders.start, orders.gone]);
  if (order === 'gone') return 1;
  const loaded = loadConfig({ ...order.source, env: terminal.env });
  const code =
    'faults' in loaded
      ? await reportFault(channel, orders, loaded.faults.map(formatFault).join('\n'))
      : await runWorker({
          ...{ channel, orders, config: loaded.config, via: order.via, faultOf: startFault },
          log: openLog(logLevel(terminal, 'info'), standardOutput(), { worker: order.number }),
        });
  // nobody waits for what is left when the primary is gone
  if (!process.connected) process.exit(code);
  process.disconnect?.();
  return code;
}
