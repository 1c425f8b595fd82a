import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { critical, high, maintenance, medium, mediumSecurity, reports } from './builders.ts'
import { drills, findDrills } from './drills.ts'

interface Rule {
  alert?: string
  labels?: Record<string, string>
}

const rules = ['alert_rules.yml', 'meta_rules.yml'].flatMap((name) =>
  (
    parse(readFileSync(new URL(`../../prometheus/${name}`, import.meta.url), 'utf8')) as {
      groups: { rules: Rule[] }[]
    }
  ).groups.flatMap((group) => group.rules),
)
const labelsOf = (name: string): Record<string, string> =>
  rules.find(({ alert }) => alert === name)?.labels ?? {}

describe('the drills', () => {
  it('covers every alert of the requirements', () => {
    const wanted = ['C', 'H', 'D', 'L'].flatMap((letter) =>
      Array.from({ length: letter === 'L' ? 4 : 6 }, (_, index) => `${letter}${index + 1}`),
    )
    expect([...new Set(drills.map(({ requirement }) => requirement))].toSorted()).toEqual(wanted.toSorted())
    expect(wanted).toHaveLength(22)
  })

  it.each(drills.map((drill) => [drill.alert, drill] as const))(
    'names existing alerts, and the receivers of its severity: %s',
    (alert, { requirement, to, inhibits, mayAlsoFire, mutes = [], mayKeepFiring = [], escalations }) => {
      const { severity = '', team, ...labels } = labelsOf(alert)
      expect(labels['requirement']).toBe(requirement)
      expect(
        [
          ...inhibits,
          ...mayAlsoFire,
          ...mutes,
          ...mayKeepFiring,
          ...escalations.map((step) => step.alert),
        ].filter((name) => labelsOf(name)['severity'] === undefined),
      ).toEqual([])
      const low = labels['signal'] === 'maintenance' ? maintenance : reports
      expect(to).toEqual(
        { critical, high, medium: team === 'security' ? mediumSecurity : medium, low }[severity],
      )
      expect(
        escalations.length > 0 || severity !== 'critical' || alert === 'DatabaseConnectionFailures',
      ).toBe(true)
    },
  )

  it('finds drills by alert or requirement in any case, and lists the known names', () => {
    expect(findDrills(['c3', 'APISLOW'])).toMatchObject({
      state: 'ok',
      drills: [
        { alert: 'APISlow' },
        { alert: 'DatabaseUnreachable' },
        { alert: 'DatabaseConnectionFailures' },
      ],
    })
    expect(findDrills(['C9'])).toMatchObject({
      state: 'usage-error',
      name: 'C9',
      known: expect.arrayContaining(['APISlow', 'C1']),
    })
    expect(findDrills([])).toMatchObject({ drills })
  })
})
