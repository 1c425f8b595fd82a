import { expect, test } from 'vitest'
import { toNetwork } from './server.ts'

/** Each network with addresses that are counted as it. */
const networks = {
  '192.0.2.7': ['192.0.2.7'],
  '2001:db8:1:2::/64': ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', '2001:0DB8:0001:0002::'],
  '2001:db8:0:0::/64': ['2001:db8::9'],
  '2001:db8:0:1::/64': ['2001:db8::1:2:3:4:5'],
  'fe80:0:0:0::/64': ['fe80::1%eth0'],
  '0:0:0:0::/64': ['::1'],
  '64:ff9b::192.0.2.7': ['64:ff9b::192.0.2.7'],
  '': [''],
}

test.each(
  Object.entries(networks).flatMap(([network, addresses]) =>
    addresses.map((address) => [address, network] as const),
  ),
)('%s is counted as %s', (address, network) => {
  expect(toNetwork(address)).toBe(network)
})
