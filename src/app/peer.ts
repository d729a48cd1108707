// Which peers are believed when they say for whom they forward.
import { BlockList, isIPv6 } from 'node:net';

/**
 * A test for addresses in `trust` (CIDRs or unix, checked by the configuration); the empty address is that of a Unix
 * socket's client. Nobody is trusted by default.
 */
export function trustedPeers(trust: readonly string[]): (address: string) => boolean {
  if (trust.length === 0) return () => false;
  const trustsUnix = trust.includes('unix');
  const list = new BlockList();
  for (const cidr of trust.filter((entry) => entry !== 'unix')) {
    const [network = '', prefix = ''] = cidr.split('/');
    list.addSubnet(network, Number(prefix), family(network));
  }
  return (address) => (address === '' ? trustsUnix : list.check(address, family(address)));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
