import type { Delivery, Via } from '../../receivers/index.ts'

/** Whom a notification reaches, and how: `pagerduty devops`. */
export interface Destination {
  via: Via
  address: string
}

/** One comparison of a rule with the value it last had; none: nothing to compare. */
export interface ComparisonValues {
  measured: string
  expected: string
  values: number[]
}

/** An alert that is followed: of one name, and of one of its instances where it has several. */
export interface AlertSelector {
  alert: string
  /** Labels that the instance has. */
  labels?: Readonly<Record<string, string>>
  /** A word that notifications about it hold besides its name; an SMS has room for the first instance only. */
  alsoAbout?: string
  /** Alerts whose notifications name it without being about it. */
  notAbout?: readonly string[]
  /** What was received before counts, too. */
  fromTheStart?: boolean
}

/** What became of an alert, as far as it was followed. Times on the wall clock; absent: not seen. */
export interface Observation {
  alert: string
  /** The rule as Prometheus has it; absent: there is none of that name, or Prometheus was not reached. */
  rule?: { expression: string; forMs: number; health: string; error?: string }
  /** What was received before it was followed counts. */
  sinceTheStart?: boolean
  /** Evaluations seen while it was followed: none at all means that Prometheus does not evaluate. */
  evaluations: number
  /** Why Prometheus or Alertmanager last could not be asked. */
  problem?: string
  /** Its comparisons, while it is not firing. */
  measured: ComparisonValues[]
  trueAtMs?: number
  /** When it began to fire by Prometheus' own account; it is looked at only now and then. */
  beganMs?: number
  firingAtMs?: number
  /** When it no longer fired. */
  clearedAtMs?: number
  inAlertmanagerAtMs?: number
  /** Labels by which Alertmanager groups it. */
  groupedBy: string[]
  /** Receivers that Alertmanager routes it to, by their names in its configuration. */
  receivers: string[]
  /** When Alertmanager was first seen to keep it quiet, and why. */
  inhibitedAtMs?: number
  silencedAtMs?: number
  received: Delivery[]
}

export function emptyObservation(alert: string): Observation {
  return { alert, evaluations: 0, measured: [], groupedBy: [], receivers: [], received: [] }
}

export function destinationText({ via, address }: Destination): string {
  return `${via} ${address}`
}

/** Whether a notification is about an alert: its name stands in it as a word. */
export function isAbout(received: Pick<Delivery, 'title' | 'text'>, alert: string): boolean {
  return wordIn(received.title, alert) || wordIn(received.text, alert)
}

function wordIn(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    if (!isLetter(text.charAt(at - 1)) && !isLetter(text.charAt(at + word.length))) return true
  }
  return false
}

function isLetter(character: string): boolean {
  return /[\p{L}\p{N}_]/u.test(character)
}
