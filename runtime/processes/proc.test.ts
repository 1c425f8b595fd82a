import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import {
  identifyProcess,
  isAlive,
  isRunning,
  readCommandLine,
  readGroupCpuMs,
  readGroupCpuSeconds,
  readResidentBytes,
  readStat,
} from './proc.ts'
import { formatHolder, parseHolder } from './holder.ts'

describe('the identity of a process', () => {
  it('is its pid and its start: a reused pid is another process', () => {
    const identity = identifyProcess(process.pid)
    expect(identity && isRunning(identity)).toBe(true)
    expect(isRunning({ pid: process.pid, started: 'another time' })).toBe(false)
  })

  it('is unknown for a process that has ended', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await new Promise((resolve) => child.once('close', resolve))
    expect(identifyProcess(child.pid ?? 0)).toBeUndefined()
    expect(isAlive(child.pid ?? 0)).toBe(false)
  })

  it.each([0, -1, 1.5, Number.NaN])('no process has pid %d', (pid) => {
    expect(isAlive(pid)).toBe(false)
  })
})

describe('the holder in a lock file', () => {
  it.each([
    ['as it is written', formatHolder(process.pid), true],
    ['of an earlier version, only the pid', String(process.pid), true],
    ['of a process that had the same pid before', `${process.pid} another time`, false],
    ['that another program wrote', 'hello', false],
    ['of an empty file', '', false],
  ])('%s', (_, text, alive) => {
    expect(parseHolder(text).isAlive).toBe(alive)
  })

  it('has its pid, for messages', () => {
    expect(parseHolder(`${formatHolder(process.pid)}\n`).pid).toBe(process.pid)
  })
})

describe('/proc', () => {
  it('has the group, the arguments and the memory of a process whose name holds brackets', async () => {
    const child = spawn('/bin/sh', ['-c', 'echo up; read line', 'a ) b'], {
      argv0: 'odd (name) Z 1 2',
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const pid = child.pid ?? 0
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve))
      expect(readStat(pid)).toMatchObject({ parent: process.pid, group: pid })
      expect(readCommandLine(pid)).toEqual(['odd (name) Z 1 2', '-c', 'echo up; read line', 'a ) b'])
      expect(readResidentBytes(pid)).toBeGreaterThan(0)
      expect(readGroupCpuMs(pid)).toBeGreaterThan(0)
      expect(readGroupCpuSeconds(pid)).toBeGreaterThanOrEqual(0)
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('has nothing of a group that does not exist', () => {
    expect(readGroupCpuMs(2 ** 22 + 1)).toBeUndefined()
    expect(readGroupCpuSeconds(2 ** 22 + 1)).toBeUndefined()
    expect(readCommandLine(2 ** 22 + 1)).toEqual([])
  })
})
