// Opens a listener: on TCP or on a Unix socket, with room for a crowd that comes at once.
import type { FastifyInstance } from 'fastify';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/listen.ts';

/**
 * Most connections that wait for being accepted; the kernel takes the lesser of this and net.core.somaxconn. With Node's 511
 * a crowd that comes in a busy moment has its SYNs dropped, and each tries again after 1, 3, 7 ... seconds (RFC 6298 5.5).
 */
const BACKLOG = 4096;

/**
 * Resolves with the address as it is bound, http://address:port or unix:path: Fastify's own report names a loopback address
 * for all interfaces. Rejects with Node's error.
 */
export async function listen(app: FastifyInstance, where: Listen): Promise<string> {
  if ('socket' in where) {
    await app.listen({ path: where.socket, backlog: BACKLOG });
    return formatListen(where);
  }
  await app.listen({ ...where, backlog: BACKLOG });
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : where.port;
  return `http://${formatListen({ ...where, port })}`;
}
