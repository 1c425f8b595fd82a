/** The ways on which a notification reaches somebody. */
export type Via = 'pagerduty' | 'slack' | 'email' | 'sms'

/** What a receiver's service answered. `refused` says why, in its own words. */
export type Answer = { state: 'accepted' } | { state: 'refused'; status: number; reason: string }

/** One delivery, as a receiver's service saw it. */
export interface Received {
  via: Via
  /** Whom it reached: the name of a PagerDuty service or a Slack channel, an email address, a telephone number or topic. `?` when it named nobody we know. */
  address: string
  /** Wall clock. */
  atMs: number
  /** Whether it says that something is wrong, or that it is over. */
  tells: 'firing' | 'resolved'
  /** What is read first: a subject, a title, a summary. */
  title: string
  /** All that it says, in one text. */
  text: string
  /** PagerDuty's key of the incident. */
  dedupKey?: string
  answer: Answer
}

/** A refusal that a service's protocol asks for. */
export interface Refusal {
  status: number
  reason: string
}

export function isRefusal(value: object): value is Refusal {
  return 'status' in value && 'reason' in value
}

/** Bounded, and with control characters neutralised: what arrives ends up in terminals and reports. */
export function shown(text: string, most: number): string {
  const plain = [...text.toWellFormed()].map((character) =>
    /[\p{Cc}\p{Cf}]/u.test(character) && character !== '\n' ? ' ' : character,
  )
  return plain.slice(0, most).join('')
}

/** Whether a text says that it is over: Alertmanager's templates, its own and ours, say it in capitals in the title. */
export function tellsOf(title: string): Received['tells'] {
  return /(?<!\p{L})RESOLVED(?!\p{L})/u.test(title) ? 'resolved' : 'firing'
}
