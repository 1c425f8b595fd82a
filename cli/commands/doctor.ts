import os from 'node:os'
import { resolve } from 'node:path'
import { listTools } from '../../tools/index.ts'
import { printJson } from '../artefacts.ts'
import { exitCodes } from '../exit-codes.ts'
import type { CommonOptions } from '../options.ts'
import { version } from '../version.ts'
import type { World } from '../world.ts'

/** Lists what this machine measures with and what is missing. */
export async function doctor(options: Pick<CommonOptions, 'out' | 'json'>, world: World): Promise<number> {
  const tools = await listTools({ env: world.env, out: resolve(world.cwd, options.out) })
  const machine = {
    vigil: version(),
    node: process.versions.node,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
  }
  if (options.json) printJson(world, { schema: 'vigil.doctor/1', machine, tools })
  return exitCodes.pass.code
}
