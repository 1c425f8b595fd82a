import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { createKeeper } from './store.ts'
import { memoryStore } from './testing/memory-store.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { HistoryStore } from './store.ts'
import { entryAt } from './testing/entries.ts'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'

const folder = temporaryFolder('history')

let files = 0
function newFile(): string {
  files += 1
  return join(folder, `${files}.db`)
}

const open = (file: string): HistoryStore => openSqliteStore(file, () => 'test')
const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }
const start = Date.parse('2026-11-24T00:00:00Z')
const moments = (store: HistoryStore, query = everything): number[] =>
  [...store.read(query)].map(({ startedAtMs }) => (startedAtMs - start) / 1000)

describe.each([
  ['in memory', memoryStore],
  ['in a file', () => open(newFile())],
])('a history %s', (_, make) => {
  it('gives back whole what it was given', () => {
    const store = make()
    const entry = entryAt(start, 'down', {
      result: {
        attempts: 2,
        message: 'get failed (status): status 500, expected 2xx',
        steps: [
          {
            step: 'get',
            ok: false,
            status: 500,
            durationMs: 1.234,
            class: 'status',
            message: 'ö "quoted" \u0000',
          },
        ],
      },
    })
    store.add(entry)
    store.add(entryAt(start + 1, 'up', { everyMs: null }))
    expect([...store.read(everything)]).toEqual([entry, entryAt(start + 1, 'up', { everyMs: null })])
    store.close()
  })

  it('has entries by time, whatever the order they came in, and only those of the time asked for', () => {
    const store = make()
    for (const second of [5, 1, 3, 2, 4]) store.add(entryAt(start + second * 1000))
    expect(moments(store)).toEqual([1, 2, 3, 4, 5])
    expect(moments(store, { fromMs: start + 2000, toMs: start + 4000 })).toEqual([2, 3])
    store.close()
  })

  it('keeps all that began in one millisecond', () => {
    const store = make()
    for (let n = 0; n < 300; n += 1) store.add(entryAt(start, 'up', { probe: `p${n}` }))
    expect([...store.read(everything)].map(({ probe }) => probe)).toEqual(
      Array.from({ length: 300 }, (_each, n) => `p${n}`),
    )
    store.close()
  })

  it('forgets what is old, and nothing else', () => {
    const store = make()
    for (const second of [1, 2, 3]) store.add(entryAt(start + second * 1000))
    store.forget({ resultsMs: start + 2000, daysMs: start + 2000 })
    expect(moments(store)).toEqual([2, 3])
    store.close()
  })
})

/** A file with so many results, one a second, closed. */
function filled(count: number): string {
  const file = newFile()
  const store = open(file)
  for (let second = 0; second < count; second += 1) store.add(entryAt(start + second * 1000))
  store.close()
  return file
}

describe('a damaged file', () => {
  const count = 2000
  const asideOf = (file: string): string[] =>
    readdirSync(folder).filter((name) => join(folder, name).startsWith(`${file}.damaged-`))

  it.each<[string, (file: string) => void, number]>([
    [
      'cut in half',
      (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2 / 4096) * 4096),
      count * 0.4,
    ],
    [
      'with a page overwritten',
      (file) => spoil(file, (bytes) => bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 4096)),
      count * 0.9,
    ],
    ['without its head', (file) => spoil(file, (bytes) => bytes.fill(0, 0, 100)), 0],
    ['that is something else', (file) => writeFileSync(file, 'something else\n'.repeat(500)), 0],
  ])(
    '%s is named and set aside, what can be read of it is used, and the next result is kept',
    (_, damage, least) => {
      const file = filled(count)
      damage(file)
      const found = readFileSync(file)
      const store = open(file)
      const kept = moments(store)
      expect(kept.length).toBeGreaterThanOrEqual(least)
      store.add(entryAt(start + 1e9))
      expect(moments(store).at(-1)).toBe(1e6)
      expect(store.problems()).toEqual([
        expect.stringContaining(`${file}: damaged; set aside as ${file}.damaged-test, `),
      ])
      store.close()
      // Unchanged, so that an expert can still repair it.
      expect(asideOf(file).filter((name) => /\.(reading|db\.damaged-test-)/.test(name))).toEqual([])
      expect(readFileSync(`${file}.damaged-test`)).toEqual(found)
    },
  )

  it('with bits turned in a result costs that one, which is named', () => {
    const file = filled(10)
    const database = new DatabaseSync(file)
    database.exec(
      'UPDATE results SET entry = replace(entry, \'"up"\', \'"down"\') WHERE id % 1024 = 0 AND entry ' +
        "LIKE '%00:00:05%'",
    )
    database.close()
    const store = open(file)
    expect(moments(store)).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9])
    expect(store.problems()).toEqual([
      `${file}: the result of 2026-11-24T00:00:05.000Z is damaged and was left out`,
    ])
    store.close()
  })

  it('set aside by another process is followed by one that has it open: both go on in the new one', () => {
    const file = filled(count)
    const scheduler = open(file)
    scheduler.add(entryAt(start + 1e8))
    spoil(file, (bytes) => bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 4096))
    const reader = open(file)
    expect(moments(reader).length).toBeGreaterThan(count * 0.9)
    expect(reader.problems()).toHaveLength(1)
    scheduler.add(entryAt(start + 1e9))
    expect(moments(reader).at(-1)).toBe(1e6)
    scheduler.close()
    reader.close()
  })

  it('of a newer vigil is left alone', () => {
    const file = filled(3)
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(() => open(file)).toThrow(/written by a newer vigil \(layout 99, expected at most 2\)/)
    expect(existsSync(file)).toBe(true)
    expect(asideOf(file)).toEqual([])
  })
})

function spoil(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file)
  change(bytes)
  writeFileSync(file, bytes)
}

it('a keeper forgets, and a store that refuses to does not end the run', () => {
  const store = memoryStore()
  const kept = createKeeper(store, () => undefined)
  for (const second of [1, 2, 3]) kept.keep(entryAt(start + second * 1000))
  kept.forget({ resultsMs: start + 3000, daysMs: start + 3000 })
  expect(moments(store)).toEqual([3])
  const refusing: HistoryStore = {
    ...store,
    forget: () => {
      throw new Error('disk full')
    },
  }
  createKeeper(refusing, () => undefined).forget({ resultsMs: start, daysMs: start })
  expect(moments(store)).toEqual([3])
})

it('two open stores on one file: both have all entries', () => {
  const file = newFile()
  const [one, other] = [open(file), open(file)]
  for (let second = 0; second < 50; second += 1)
    (second % 2 === 0 ? one : other).add(entryAt(start + second * 1000))
  expect(moments(one)).toEqual(moments(other))
  expect(moments(one)).toHaveLength(50)
  one.close()
  other.close()
})

const canMount = process.getuid?.() === 0 && process.platform === 'linux'

it.skipIf(!canMount)(
  'on a full disk earlier results stay, the run goes on with one warning, and what was held back is ' +
    'kept later',
  () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk])
    const file = join(disk, 'history.db')
    const written = open(file)
    const warnings: string[] = []
    try {
      const kept = createKeeper(written, (problem) => void warnings.push(problem))
      for (let second = 0; second < 20; second += 1) kept.keep(entryAt(start + second * 1000))
      expect(warnings).toEqual([])
      const filler = join(disk, 'filler')
      expect(() => {
        for (;;) appendFileSync(filler, Buffer.alloc(65_536))
      }).toThrow(/ENOSPC/)
      for (let second = 20; second < 200; second += 1) kept.keep(entryAt(start + second * 1000))
      expect(warnings).toEqual([
        expect.stringMatching(/^history could not be stored: .*full.*; earlier results are intact/),
      ])
      expect(kept.waiting()).toBeGreaterThan(0)
      rmSync(filler)
      kept.keep(entryAt(start + 200_000))
      expect(warnings.slice(1)).toEqual(['history is stored again; nothing was lost'])
      expect(moments(written)).toEqual(Array.from({ length: 201 }, (_each, n) => n))
    } finally {
      written.close()
      execFileSync('umount', [disk])
    }
  },
)
