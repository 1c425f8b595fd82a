import type { Drill } from './drill.ts'
import { noticeDrills } from './notices.ts'
import { partDrills } from './components.ts'
import { requestDrills } from './requests.ts'

/** A drill for each alert of the requirements C1–C6, H1–H6, D1–D6, L1–L4, in the order in which they are begun. */
export const drills: readonly Drill[] = [
  ...noticeDrills.slice(0, 3),
  ...requestDrills,
  ...partDrills,
  ...noticeDrills.slice(3),
]

/** Alerts that may be heard of at any time on the drills' stage: what they notice is always so there, with its people and its history. */
export const expectedAlerts: readonly string[] = [
  'Watchdog',
  'NewRegistrations',
  'FeatureAdoption',
  'UsageTrend',
]

export { permanentFaults } from './builders.ts'
