// Clients that vanish without a word, behind a tunnel or a stream that is silent: the kernel asks whether they are there.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { connect } from '../fixtures/raw-client.ts';
import { startServed } from '../fixtures/served.ts';
import { until } from '../fixtures/until.ts';

/** Columns of /proc/net/tcp, proc_pid_net(5). */
const [LOCAL, REMOTE, TIMER] = [1, 2, 5];
/** Which timer runs: that of keepalive. */
const KEEPALIVE = '02';
/** What the kernel shows times in, for a second (sysconf(_SC_CLK_TCK) of Linux). */
const TICKS = 100;

const port = (address = ''): number => Number.parseInt(address.split(':')[1] ?? '', 16);

/** The timer of the connection from port `remote` to `local`, as the kernel shows it to anybody. */
function timerOf(local: number, remote: number): { timer: string; seconds: number } {
  const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  const columns = rows.map((row) => row.trim().split(/\s+/));
  const ours = columns.find((row) => port(row[LOCAL]) === local && port(row[REMOTE]) === remote);
  const [timer = '', ticks = ''] = ours?.[TIMER]?.split(':') ?? [];
  return { timer, seconds: Number.parseInt(ticks, 16) / TICKS };
}

for (const workers of [1, 2]) {
  t.test(`${workers} workers: a client silent for a minute is asked for by the kernel`, async (t) => {
    const served = await startServed(t, { workers, origin: 'http://127.0.0.1:1' });
    const client = await connect(served.port);
    t.teardown(() => client.close());
    const { localPort = 0 } = client.socket;
    await until(() => timerOf(served.port, localPort).timer === KEEPALIVE, 'the timer runs');
    t.ok(timerOf(served.port, localPort).seconds <= 60);
  });
}
