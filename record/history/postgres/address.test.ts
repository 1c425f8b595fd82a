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
])('the parameters %j mean to every user what they mean to libpq', (parameters, tls) => {
  const address = readAddress(`postgres://u:p@h:5432/d${parameters}`)
  expect(address).toEqual({ url: 'postgres://u:p@h:5432/d', tls })
})

it('a mode that libpq does not have is refused', () => {
  expect(() => readAddress('postgres://u:secret@h/d?sslmode=no-verify')).toThrow(
    'sslmode: found "no-verify", expected disable, allow, prefer, require, verify-ca, verify-full',
  )
})
