// One worker's part of a configuration that is for all of them.
import type { Config } from '../config/config.ts';

/** What is limited for the whole gateway is divided, so that clients and origin see no more of it than was configured. */
export function shareOf(config: Config): Config {
  const { workers, limits, origin } = config;
  // at least one: the configuration has no more workers than there is to divide
  const part = (count: number): number => Math.floor(count / workers);
  return {
    ...config,
    admin: 'off',
    limits: { ...limits, connections: part(limits.connections) },
    origin: { ...origin, connections: part(origin.connections) },
  };
}
