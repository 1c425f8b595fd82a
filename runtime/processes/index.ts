export {
  readOutput,
  readOutputSync,
  runProgram,
  signalGroup,
  startChild,
  startDetachedChild,
} from './child.ts'
export type { Child, ChildOptions, ProgramLimits, ProgramResult } from './child.ts'
export {
  countUsableCores,
  lowerPriority,
  parseCpuList,
  pinCommand,
  pinProcess,
  planPinning,
  splitCores,
  watchThrottling,
} from './cores.ts'
export type { Pinning, Throttling } from './cores.ts'
export { neutralFolder, toRevisionEnvironment, toToolEnvironment } from './environment.ts'
export { claimHolder, errorCode, formatHolder, parseHolder, readHolder, writeHolder } from './holder.ts'
export type { HeldFile } from './holder.ts'
export { readCommitSubject, readRevision, resolveBase, resolveCommit, runGit } from './git.ts'
export type { CommitResult, GitContext } from './git.ts'
export { describeEnd, findCauseLine } from './output.ts'
export type { ChildEnd } from './output.ts'
export {
  identifyProcess,
  isAlive,
  isRunning,
  listPids,
  readCommandLine,
  readGroupCpuMs,
  readGroupUsage,
  readGroupCpuSeconds,
  readMachineTicks,
  readResidentBytes,
  readRunQueueWaitMs,
  readStat,
  readThreadsCpuMs,
} from './proc.ts'
export type { GroupUsage, ProcessIdentity, ProcessStat } from './proc.ts'
