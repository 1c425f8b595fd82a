import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(4096)
let used = pool.length

/**
 * `bytes` random bytes as hexadecimal digits, from a pool: one system call for each id would be measurable.
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}

/**
 * A UUID version 7 (RFC 9562, 5.7): 48 bits of `nowMs`, then 74 random bits. Later ids sort after earlier
 * ones, to the millisecond, so an index grows at its end.
 */
export function uuidv7(nowMs: number): string {
  const random = randomHex(10)
  const time = nowMs.toString(16).padStart(12, '0')
  const variant = ((Number.parseInt(random.charAt(3), 16) & 3) | 8).toString(16)
  const groups = [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ]
  return groups.join('-')
}
