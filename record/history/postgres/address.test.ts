import { expect, it } from 'vitest'
import { readAddress } from './connect.ts'

it.each<[string, ReturnType<typeof readAddress>['tls']]>([
  ['', false],
  ['?sslmode=disable', false],
  ['?sslmode=allow', 'prefer'],
  ['?sslmode=prefer', 'prefer'],
  ['?sslmode=require', expect.objectContaining({ rejectUnauthorized: false })],
  ['?sslmode=require&sslrootcert=system', expect.objectContaining({ rejectUnauthorized: true })],
  ['?sslmode=verify-ca', expect.objectContaining({ rejectUnauthorized: true })],
  ['?ssl=true', expect.objectContaining({ rejectUnauthorized: true })],
  ['?channel_binding=require', false],
  ['?schema=public&connection_limit=5&pool_timeout=0&socket_timeout=3&statement_cache_size=0', false],
  ['?uselibpqcompat=true&sslmode=require', expect.objectContaining({ rejectUnauthorized: false })],
])('the parameters %j mean to every user what they mean to libpq', (parameters, tls) => {
  const address = readAddress(`postgres://u:p@h:5432/d${parameters}`)
  expect(address).toEqual({ url: 'postgres://u:p@h:5432/d', isPooled: false, tls })
})

it('what the server understands stays, and a pooler is known by its parameter', () => {
  expect(readAddress('postgres://u:p@h/d?options=-c%20x%3Dy&pgbouncer=true')).toEqual({
    url: 'postgres://u:p@h/d?options=-c+x%3Dy',
    isPooled: true,
    tls: false,
  })
})

it.each(['sslaccept=strict', 'sslcrl=/crl.pem', 'require_auth=scram-sha-256'])(
  'the parameter %s would be less secure without its meaning, so it is refused by name',
  (parameter) => {
    expect(() => readAddress(`postgres://u:secret@h/d?${parameter}`)).toThrow(
      `${parameter.split('=')[0]}: found in the connection string, expected none: use sslmode`,
    )
  },
)

it('a mode that libpq does not have is refused', () => {
  expect(() => readAddress('postgres://u:secret@h/d?sslmode=no-verify')).toThrow(
    'sslmode: found "no-verify", expected disable, allow, prefer, require, verify-ca, verify-full',
  )
})
