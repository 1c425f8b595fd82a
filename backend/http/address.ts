import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * Returns the caller's address. Any caller can send `X-Forwarded-For`, so it is read only behind
 * `trustedProxies`. Then the entry of the outermost trusted proxy counts, which is that many from the right.
 */
export function resolveClientAddress(
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
  trustedProxies: number,
): string {
  const socketAddress = toPlainAddress(peer ?? '')
  if (trustedProxies === 0 || forwardedFor === undefined) return socketAddress
  const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor)
    .split(',')
    .map((hop) => toPlainAddress(hop.trim()))
  const claimed = hops.at(-trustedProxies) ?? hops[0] ?? ''
  return isIP(claimed) === 0 ? socketAddress : claimed
}

// An IPv4 address on an IPv6 socket.
function toPlainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/**
 * Returns the network that an address counts as. An IPv6 subscriber has a /64 (RFC 6177) and could use
 * another address for each request, so limits count the network.
 */
export function toNetwork(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address
  const parsed = ipaddr.IPv6.parse(address)
  // All addresses of IPv4, translated (RFC 6052), would be one network.
  if (parsed.range() === 'rfc6052' || parsed.isIPv4MappedAddress()) return address
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString()}/64`
}
