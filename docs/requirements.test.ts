import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

// Every requirement of the product, numbered. One without a row here was forgotten; one marked `open` is
// known to be missing.
const ids =
  `S1 S2 S3 S4 S5 A1 A2 A3 A4 A5 A6 A7 A8 B1 B2 B3 B4 B5 C1 C2 C3 C4 C5 C6 H1 H2 H3 H4 H5 H6 D1 D2 D3 D4 D5 D6
L1 L2 L3 L4 G1 G2 G3 G4 P1 P2 P3 F1 F2 E1 E2 O1 O2 O3 X1 X2 X3 N1 N2 N3 N4 N5 K1 K2 K3 T1 T2 T3 Q1 Q2`.split(
    /\s+/,
  )

const text = readFileSync(new URL('requirements.md', import.meta.url), 'utf8')
const rows = [...text.matchAll(/^\| ([A-Z]\d) \| (.*) \| (.*) \|$/gm)].map(([, id, where, proof]) => ({
  id: id ?? '',
  where: where ?? '',
  proof: proof ?? '',
}))

describe('the table of requirements', () => {
  it('has one row for each requirement, in order', () => {
    expect(rows.map((row) => row.id)).toEqual(ids)
  })

  it.each(rows)('$id names places that exist, or says that it is open', ({ where, proof }) => {
    const paths = [...`${where} ${proof}`.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
    if (where === 'open') expect(proof).toBe('open')
    else expect(paths.length).toBeGreaterThan(1)
    for (const path of paths) expect(existsSync(new URL(`../${path}`, import.meta.url)), path).toBe(true)
  })
})
