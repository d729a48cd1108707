// Address blocks in CIDR notation.
import { isIP } from 'node:net';
import type { Parsed } from './parsed.ts';
import { quote } from './wording.ts';

/** '10.0.0.0/8', 'fd00::/8', or one address, to which its full prefix length is added; 'unix': who comes by a socket. */
export function parseCidr(text: string): Parsed<string> {
  if (text === 'unix') return { value: text };
  const wanted = 'must be an address block such as 10.0.0.0/8 or fd00::/8, or unix';
  const [, address = '', prefix] = /^([^/%]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0) return { fault: `${wanted}, not ${quote(text)}` };
  const bits = family === 4 ? 32 : 128;
  if (Number(prefix ?? bits) > bits)
    return { fault: `${wanted}; the prefix of an IPv${family} address is at most ${bits}` };
  return { value: `${address}/${Number(prefix ?? bits)}` };
}
