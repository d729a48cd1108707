// Max-Forwards on OPTIONS (RFC 9110 7.6.2); other methods pass it as it is.

/** The fields with one hop taken off, or 'last' when this is the final recipient. */
export function countHop(method: string, fields: readonly string[]): readonly string[] | 'last' {
  if (method !== 'OPTIONS') return fields;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'max-forwards');
  if (at === -1) return fields;
  const value = fields[at + 1] ?? '';
  if (!/^\d+$/.test(value)) return fields;
  const hops = BigInt(value); // 10^30 is a number too
  if (hops === 0n) return 'last';
  return fields.with(at + 1, String(hops - 1n));
}
