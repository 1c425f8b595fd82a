/** What finding a tool may use of the world. */
export interface ToolSurroundings {
  /** Also says in which folder fetched tools are kept: `toolsFolder`. */
  env: NodeJS.ProcessEnv
  /** A line for a person, now and then. */
  progress: (text: string) => void
  signal: AbortSignal
}

/** How a step ended: the path of a program, `pass` when it does not apply, or why it failed. */
export type StepResult =
  | { state: 'had'; path: string }
  | { state: 'pass' }
  | { state: 'failed'; reason: string }
