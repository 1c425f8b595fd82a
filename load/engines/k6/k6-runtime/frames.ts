/*
 * A long text as lines of a log: how a runner in Kubernetes hands out its summary, since nothing else leaves
 * its pod. k6 runs this file too, so it imports nothing of Node.
 */

/**
 * Characters of a part. Container runtimes split lines of more than 16 KiB, and not every reader of a log
 * joins them again.
 */
const partLength = 7000

/**
 * The lines of a text. Each names all of it: its author, how many parts there are, and the digest.
 *
 * @param nonce only our script knows it
 * @param digest of the text
 */
export function formatFrames(nonce: string, author: string, text: string, digest: string): string {
  const count = Math.max(1, Math.ceil(text.length / partLength))
  const parts = Array.from({ length: count }, (_, index) =>
    text.slice(index * partLength, (index + 1) * partLength),
  )
  return parts
    .map((part, index) => `${nonce} part ${author} ${index + 1}/${count} ${digest} ${part}\n`)
    .join('')
}

/** A text that was read whole, or what of it is missing. */
export type FramedText = { state: 'ok'; text: string } | { state: 'missing'; reason: string }

/** The author of a text, and what came of it. */
export interface FramedReport {
  author: string
  report: FramedText
}

/** Collects the lines of one log. They may come twice, or in any order, and some may be missing or cut. */
export class FrameReader {
  readonly #pattern: RegExp
  readonly #digestOf: (text: string) => string
  /** By author and digest. */
  readonly #texts = new Map<
    string,
    { author: string; digest: string; count: number; parts: Map<number, string> }
  >()

  constructor(nonce: string, digestOf: (text: string) => string) {
    this.#pattern = new RegExp(
      String.raw`^${nonce} part (\S{1,40}) (\d{1,6})/(\d{1,6}) ([0-9a-f]{16,64}) (.*)$`,
    )
    this.#digestOf = digestOf
  }

  /** Whether the line is a part. */
  add(line: string): boolean {
    const [, author, number, of, digest, part] = this.#pattern.exec(line) ?? []
    if (author === undefined || digest === undefined || part === undefined) return false
    const [index, count] = [Number(number), Number(of)]
    const key = `${author} ${digest} ${count}`
    const text = this.#texts.get(key) ?? { author, digest, count, parts: new Map<number, string>() }
    this.#texts.set(key, text)
    // A part that was cut is shorter: the longest of those that came is kept, and the digest decides.
    if (index >= 1 && index <= count && part.length >= (text.parts.get(index)?.length ?? 0))
      text.parts.set(index, part)
    return true
  }

  /** Each text of which at least one part came. */
  reports(): FramedReport[] {
    return [...this.#texts.values()].map(({ author, digest, count, parts }) => {
      const missing = Array.from({ length: count }, (_, index) => index + 1).filter(
        (index) => !parts.has(index),
      )
      if (missing.length > 0)
        return {
          author,
          report: {
            state: 'missing',
            reason: `its result was cut: of ${count} parts, ${describeNumbers(missing)} did not come`,
          },
        }
      const text = Array.from({ length: count }, (_, index) => parts.get(index + 1) ?? '').join('')
      return {
        author,
        report:
          this.#digestOf(text) === digest
            ? { state: 'ok', text }
            : {
                state: 'missing',
                reason: `its result was damaged: its ${count} parts do not have their digest`,
              },
      }
    })
  }
}

/** How many numbers are listed. */
const listed = 5

function describeNumbers(numbers: readonly number[]): string {
  const rest = numbers.length - listed
  return numbers.slice(0, listed).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
