import { isIP, isIPv6 } from 'node:net'

/**
 * The caller's address. `X-Forwarded-For` is a claim that anybody can make: it is read only when `trustedProxies` of
 * our own stand in front, and then the entry that the outermost of them wrote counts, which is that many from the right.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
  trustedProxies: number,
): string {
  const socketAddress = plain(peer ?? '')
  if (trustedProxies === 0 || forwardedFor === undefined) return socketAddress
  const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor)
    .split(',')
    .map((hop) => plain(hop.trim()))
  const claimed = hops.at(-trustedProxies) ?? hops[0] ?? ''
  return isIP(claimed) === 0 ? socketAddress : claimed
}

// IPv4 as seen through an IPv6 socket.
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/**
 * Whom an address stands for. An IPv6 subscriber has a whole /64 of them (RFC 6177), and could use another for each
 * request, so there the network is counted.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('%', 1).join('').split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0')
  const prefix = [...groups, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}
