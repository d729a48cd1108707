// Which peers are believed when they say for whom they forward.
import { BlockList, isIPv6 } from 'node:net';

/** A test for addresses in `trust` (CIDRs, checked by the configuration). Nobody is trusted by default. */
export function trustedPeers(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false;
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    list.addSubnet(network, Number(prefix), family(network));
  }
  return (address) => address !== '' && list.check(address, family(address));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
