import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The latencies of the measurement in k6's CSV files: of our script's own metric. */
export function readSamples(folder: string): number[] {
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('vigil_latency_0,'))
      .map((line) => Number(line.split(',')[2])),
  )
}
