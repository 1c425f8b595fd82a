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
import { startChild } from '../../../runtime/processes/index.ts'
import { startService } from '../../../runtime/services/index.ts'
import type { Service, StartResult } from '../../../runtime/services/index.ts'

/** A node exporter with a small disk of its own, that can be filled. */
export interface DrillNodeExporter extends Service {
  /** How the disk is made full for real; absent where no disk can be mounted, and why. */
  disk: { state: 'mounted'; fill: () => void; empty: () => void } | { state: 'none'; reason: string }
}

const diskBytes = 16 * 1024 * 1024
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/**
 * Starts the node exporter in a mount and process namespace in which an ext4 of 16 MiB is mounted: nobody else sees it,
 * and it is gone with the process, however that ends. Where that is not allowed it starts without.
 */
export async function startDrillNodeExporter(
  program: string,
  folder: string,
  signal: AbortSignal,
): Promise<StartResult<DrillNodeExporter>> {
  mkdirSync(join(folder, 'disk'), { recursive: true })
  const reason = await makeImage(join(folder, 'disk.img'))
  const flags = (port: number): string[] => [
    `--web.listen-address=127.0.0.1:${port}`,
    `--collector.textfile.directory=${folder}`,
  ]
  if (reason === undefined) {
    const mounted = await start((port) => inNamespace(program, flags(port), folder), folder, signal)
    if (mounted.state === 'ok') {
      const disk = diskOf(mounted.service.pid, join(folder, 'disk'))
      if (disk !== undefined) return { state: 'ok', service: { ...mounted.service, disk: fillable(disk) } }
      await mounted.service.stop()
    }
  }
  const plain = await start((port) => [program, ...flags(port)], folder, signal)
  if (plain.state === 'failed') return plain
  return {
    state: 'ok',
    service: {
      ...plain.service,
      disk: { state: 'none', reason: reason ?? 'no disk can be mounted here' },
    },
  }
}

async function makeImage(file: string): Promise<string | undefined> {
  writeFileSync(file, '')
  truncateSync(file, diskBytes)
  const end = await startChild('mkfs.ext4', ['-q', '-F', file], { env }).ended
  return end.state === 'exited' && end.code === 0
    ? undefined
    : 'no disk can be made here: mkfs.ext4 is not there or failed'
}

// The exporter reads the mounts of process 1: in a process namespace of its own that is itself.
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

async function start(
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

/** The disk as the exporter's namespace has it, seen through the process that `unshare` became the parent of. */
function diskOf(unsharePid: number, path: string): string | undefined {
  const seen = `/proc/${unsharePid}/root${path}`
  const ours = existsSync(path) ? statfsSync(path) : undefined
  const theirs = existsSync(seen) ? statfsSync(seen) : undefined
  return theirs !== undefined && ours !== undefined && theirs.blocks !== ours.blocks ? seen : undefined
}

function fillable(folder: string): DrillNodeExporter['disk'] {
  const file = join(folder, 'filler')
  return {
    state: 'mounted',
    fill: () => {
      const handle = openSync(file, 'w')
      const block = Buffer.alloc(256 * 1024)
      try {
        for (let written = 0; written < diskBytes; written += block.length) writeSync(handle, block)
      } catch {
        // Full, which is what was wanted.
      } finally {
        closeSync(handle)
      }
    },
    empty: () => unlinkSync(file),
  }
}
