// Why a listener did not open, in words for whoever started it.

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'may not be opened by this user',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'cannot be resolved',
  EINVAL: 'cannot be opened',
};

/** One line for an error of start(). */
export function startFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const reason = REASONS[code];
  if (reason === undefined) return error.message;
  return `${placeOf(error)} ${reason}; choose another with --listen or --admin`;
}

function placeOf(error: Error): string {
  if (!('address' in error)) return 'the address';
  // of a Unix socket it is the path, and Node gives it the port -1
  return 'port' in error && Number(error.port) >= 0
    ? `${String(error.address)}:${String(error.port)}`
    : String(error.address);
}
