import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  statfsSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { startChild, toToolEnvironment } from '../../../runtime/processes/index.ts'
import { startService } from '../../../runtime/services/index.ts'
import type { Service, StartResult } from '../../../runtime/services/index.ts'

/** A node exporter with a small disk of its own that a drill can fill. */
export interface DrillNodeExporter extends Service {
  /** `unavailable`: this machine does not allow to mount a disk. */
  disk: { state: 'ok'; fill: () => void; empty: () => void } | { state: 'unavailable'; reason: string }
}

const diskBytes = 16 * 1024 * 1024
const env = {
  ...toToolEnvironment(process.env),
  PATH: `${process.env['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin`,
}

/**
 * Starts the node exporter in a mount and process namespace with an ext4 disk of 16 MiB. No other process
 * sees the disk,
 * and it disappears with the process. Where that is not allowed, the exporter starts without the disk.
 */
export async function startDrillNodeExporter(
  program: string,
  folder: string,
  signal: AbortSignal,
): Promise<StartResult<DrillNodeExporter>> {
  mkdirSync(join(folder, 'disk'), { recursive: true })
  const problem = await createImage(join(folder, 'disk.img'))
  const flags = (port: number): string[] => [
    `--web.listen-address=127.0.0.1:${port}`,
    `--collector.textfile.directory=${folder}`,
  ]
  if (problem === undefined) {
    const mounted = await startExporter((port) => inNamespace(program, flags(port), folder), folder, signal)
    if (mounted.state === 'ok') {
      const disk = findDisk(mounted.service.pid, join(folder, 'disk'))
      if (disk !== undefined)
        return { state: 'ok', service: { ...mounted.service, disk: fillableDisk(disk) } }
      await mounted.service.stop()
    }
  }
  const plain = await startExporter((port) => [program, ...flags(port)], folder, signal)
  if (plain.state === 'failed') return plain
  const reason = problem ?? 'this machine does not allow to mount a disk'
  return { state: 'ok', service: { ...plain.service, disk: { state: 'unavailable', reason } } }
}

async function createImage(file: string): Promise<string | undefined> {
  writeFileSync(file, '')
  truncateSync(file, diskBytes)
  const end = await startChild('mkfs.ext4', ['-q', '-F', file], { env }).ended
  return end.state === 'exited' && end.code === 0 ? undefined : 'mkfs.ext4 is missing or failed'
}

// The exporter reads the mounts of process 1. In its own process namespace that is itself.
function inNamespace(program: string, flags: readonly string[], folder: string): string[] {
  const script = 'mount -o loop "$1" "$2" && shift 2 && exec "$@"'
  return [
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-c',
    script,
    'sh',
    join(folder, 'disk.img'),
    join(folder, 'disk'),
    program,
    ...flags,
  ]
}

async function startExporter(
  command: (port: number) => readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<StartResult> {
  return startService({
    name: 'the node exporter',
    options: { folder, signal, timeoutMs: 10_000 },
    command,
    env,
    logFile: join(folder, 'node-exporter.log'),
    ready: '/',
  })
}

/** The path of the disk in the exporter's namespace, through the process that `unshare` started. */
function findDisk(unsharePid: number, path: string): string | undefined {
  const inNamespacePath = `/proc/${unsharePid}/root${path}`
  const ours = existsSync(path) ? statfsSync(path) : undefined
  const theirs = existsSync(inNamespacePath) ? statfsSync(inNamespacePath) : undefined
  return theirs !== undefined && ours !== undefined && theirs.blocks !== ours.blocks
    ? inNamespacePath
    : undefined
}

function fillableDisk(folder: string): DrillNodeExporter['disk'] {
  const file = join(folder, 'filler')
  return {
    state: 'ok',
    fill: () => {
      const handle = openSync(file, 'w')
      const block = Buffer.alloc(256 * 1024)
      try {
        for (let written = 0; written < diskBytes; written += block.length) writeSync(handle, block)
      } catch {
        // The disk is full, as intended.
      } finally {
        closeSync(handle)
      }
    },
    empty: () => unlinkSync(file),
  }
}
