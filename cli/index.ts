// The face of the command line, for benchmarks and tests of other folders. `./vigil` starts main.ts.
export { describeCommands } from './program.ts'
export type { AbVerdict } from './shared/duet/files.ts'
export { planSuite } from './shared/suites.ts'
