import { fileURLToPath } from 'node:url'
import type { Frame, SideProfile } from '../../baselines/profiles/index.ts'

export type CaptureResult = { state: 'ok'; profile: SideProfile } | { state: 'failed'; reason: string }

/** A name from the target can have any length. */
const maxNameLength = 200

/** A frame whose file is relative to `root`, the worktree of its revision. */
export function toFrame(name: string, file: string, line: number, root: string): Frame {
  return {
    name: name.slice(0, maxNameLength),
    file: toRelativeFile(file, root).slice(-2 * maxNameLength),
    line: Number.isSafeInteger(line) && line > 0 ? line : 0,
  }
}

/**
 * A dependency lies in another place for each side and package manager: what counts is its path below the
 * last `node_modules`.
 */
function toRelativeFile(file: string, root: string): string {
  const path = file.startsWith('file:') ? toPath(file) : file
  const modules = path.lastIndexOf('/node_modules/')
  if (modules >= 0) return path.slice(modules + 1)
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
}

function toPath(url: string): string {
  try {
    return fileURLToPath(url)
  } catch {
    return url
  }
}
