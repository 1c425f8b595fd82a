import { expect, test } from 'vitest'
import { resolveClientAddress, toNetwork } from './address.ts'

/** Each network with addresses that are counted as it. */
const networks = {
  '192.0.2.7': ['192.0.2.7'],
  '2001:db8:1:2::/64': ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', '2001:0DB8:0001:0002::'],
  '2001:db8::/64': ['2001:db8::9'],
  '2001:db8:0:1::/64': ['2001:db8::1:2:3:4:5'],
  'fe80::/64': ['fe80::1%eth0'],
  '::/64': ['::1'],
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

test.each([
  ['of the socket without a proxy', '203.0.113.9, 198.51.100.2', 0, '192.0.2.1'],
  ['that the trusted proxy saw, not what the caller wrote', '203.0.113.9, 198.51.100.2', 1, '198.51.100.2'],
  ['that the first of two trusted proxies saw', '203.0.113.9, 198.51.100.2, 10.0.0.7', 2, '198.51.100.2'],
  ['of the socket when the proxy sent none', undefined, 1, '192.0.2.1'],
  ['that the proxy saw, of a header sent twice', ['203.0.113.9', '198.51.100.2'], 1, '198.51.100.2'],
])('the address of a caller is the one %s', (_what, header, proxies, expected) => {
  expect(resolveClientAddress('192.0.2.1', header, proxies)).toBe(expected)
})
