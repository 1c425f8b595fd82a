import { exitCodes } from '../../exit-codes.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { judgeLine, refused } from './batch-judge.ts'
import type { BatchJob } from './batch-judge.ts'
import { linesOf, longestLine } from './batch-lines.ts'

/**
 * Judges a file of cases, one a line, and prints one document a line, in order, each with its case's `id`. A long batch is not lost to
 * one bad line: that one is answered as such, named on stderr with file and line, and the exit code is 2 in the end; otherwise it is 0,
 * whatever was found, because the findings are the documents. (Workers were tried: sending lines to them costs what they save.)
 */
export async function runBatch(path: string, world: World, job: BatchJob): Promise<number> {
  let bad = 0
  let lines = 0
  for await (const { number, text } of linesOf(path)) {
    if (world.interrupted.aborted) break
    lines += 1
    const where = `${path}:${number}`
    const { output, problem } =
      text === undefined
        ? refused(job, null, `${where}: longer than ${longestLine} bytes, expected one case a line`)
        : judgeLine(job, where, text)
    if (problem !== undefined) {
      bad += 1
      world.stderr(`vigil: ${problem}\n`)
    }
    world.stdout(`${output}\n`)
  }
  if (lines === 0 && !world.interrupted.aborted)
    throw new UsageError(`${path}: empty, expected one case a line`)
  return bad > 0 ? exitCodes.usageError.code : exitCodes.pass.code
}
