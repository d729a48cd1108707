// @fastify/http-proxy as its README starts it. Arguments: its port, the origin's port.

import fastifyHttpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';

const [port, origin] = process.argv.slice(2);
const app = Fastify();
await app.register(fastifyHttpProxy, { upstream: `http://127.0.0.1:${origin}` });
await app.listen({ host: '127.0.0.1', port: Number(port) });
