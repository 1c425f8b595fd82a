import { toPublicUrl } from '../../record/index.ts'

/**
 * A vigil command as it was typed, to be pasted into a shell, with some options changed or added. Options
 * that only change what is printed are left out, and so are passwords in URLs.
 *
 * @param args what followed `vigil`
 * @param changes by long name: `{ '--duration': '60' }`
 */
export function composeCommand(
  args: readonly string[],
  changes: Readonly<Record<string, string>> = {},
): string {
  const kept: string[] = []
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? ''
    const [name = '', value] = arg.startsWith('--') ? splitOption(arg) : []
    if (silent.has(name)) continue
    if (Object.hasOwn(changes, name)) {
      if (value === undefined) index += 1
      continue
    }
    kept.push(arg)
  }
  const changed = Object.entries(changes).flat()
  return ['vigil', ...kept, ...changed].map(quote).join(' ')
}

const silent: ReadonlySet<string> = new Set(['--json', '--quiet'])

function splitOption(arg: string): [string, string | undefined] {
  const at = arg.indexOf('=')
  return at === -1 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)]
}

function quote(arg: string): string {
  const shown = /^(--[a-z-]+=)?https?:\/\//.test(arg)
    ? arg.replace(/https?:\/\/.*$/, (url) => toPublicUrl(url))
    : arg
  return /^(?!~)[\w@%+=:,./^~-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", String.raw`'\''`)}'`
}
