import { isIP } from 'node:net'

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
