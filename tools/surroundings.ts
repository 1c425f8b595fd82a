/** What finding a tool may use of the world. */
export interface ToolSurroundings {
  env: NodeJS.ProcessEnv
  /** Where fetched tools are kept. */
  folder: string
  /** A line for a person, now and then. */
  progress: (text: string) => void
  signal: AbortSignal
}

/** Where fetched tools are kept: `VIGIL_TOOLS_DIR`, or `tools/` in vigil's output folder. */
export function toolsFolder(env: NodeJS.ProcessEnv, out: string): string {
  return env['VIGIL_TOOLS_DIR'] ?? `${out}/tools`
}

/** How a step ended: the path of a program, `pass` when it does not apply, or why it failed. */
export type StepResult =
  | { state: 'had'; path: string }
  | { state: 'pass' }
  | { state: 'failed'; reason: string }
