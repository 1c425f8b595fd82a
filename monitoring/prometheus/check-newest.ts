import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'
import { startChild } from '../../runtime/processes/index.ts'
import { toolsFolder } from '../../runtime/tools/index.ts'
import { receiverOf, routeArguments } from '../alertmanager/routes.ts'
import { promtoolChecks, runTool } from './promtool.ts'
import { readRules, rulesFolder } from './rules.ts'

/**
 * Checks the configuration with the versions that docker-compose pins: builds their promtool and amtool with
 * Go (takes
 * minutes, once), and runs the checks that the tests run with Debian's. `node
 * monitoring/prometheus/check-newest.ts`
 * exits with 1 on a finding.
 */
async function main(): Promise<number> {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const versions = pinnedVersions(readFileSync(join(root, 'docker-compose.yml'), 'utf8'))
  const kept = toolsFolder(process.env)
  if (kept.state === 'missing') throw new Error(`${kept.reason}: ${kept.whatToDo}`)
  const tools = join(kept.path, 'newest')
  const promtool = await buildProgram(
    tools,
    'promtool',
    `github.com/prometheus/prometheus/cmd/promtool@${versions.prometheus}`,
  )
  const amtool = await buildProgram(
    tools,
    'amtool',
    `github.com/prometheus/alertmanager/cmd/amtool@${versions.alertmanager}`,
  )
  const scratch = mkdtempSync(join(tmpdir(), 'vigil-newest-'))
  try {
    const configFile = join(rulesFolder, '../alertmanager/alertmanager.yml')
    const findings: string[] = []
    const check = async (name: string, run: ReturnType<typeof runTool>): Promise<void> => {
      const { code, output } = await run
      print(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}`)
      if (code !== 0) findings.push(`${name}\n${output}`)
    }
    for (const [name, runCheck] of Object.entries(promtoolChecks))
      await check(`promtool: ${name}`, runCheck(promtool, scratch))
    await check('amtool: the configuration', runTool(amtool, ['check-config', configFile]))
    for (const rule of readRules().alerts)
      await check(
        `amtool: the route of ${rule.alert}`,
        runTool(amtool, routeArguments(rule, receiverOf[rule.alert] ?? 'unknown', configFile)),
      )
    for (const finding of findings) print(`\n${finding}`)
    return findings.length === 0 ? 0 : 1
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const compose = z.looseObject({
  services: z.record(z.string(), z.looseObject({ image: z.string().optional() })),
})

/** The versions of the Go modules: Prometheus 3.16.0 is v0.316.0 there, Alertmanager's are the same. */
function pinnedVersions(text: string): { prometheus: string; alertmanager: string } {
  const images = Object.values(compose.parse(parse(text, { merge: true })).services).flatMap(
    ({ image }) => image ?? [],
  )
  const [, major, minor, patch] =
    images
      .map((image) => /^prom\/prometheus:v(\d+)\.(\d+)\.(\d+)$/.exec(image))
      .find((match) => match !== null) ?? []
  const alertmanager = images
    .map((image) => /^prom\/alertmanager:(v[\d.]+)$/.exec(image)?.[1])
    .find((version) => version !== undefined)
  if (major === undefined || minor === undefined || patch === undefined || alertmanager === undefined)
    throw new Error('docker-compose.yml: expected images prom/prometheus:vX.Y.Z and prom/alertmanager:vX.Y.Z')
  return { prometheus: `v0.${major}${minor.padStart(2, '0')}.${patch}`, alertmanager }
}

async function buildProgram(folder: string, program: string, module: string): Promise<string> {
  const place = join(folder, module.slice(module.lastIndexOf('@') + 1))
  const path = join(place, program)
  if (existsSync(path)) return path
  mkdirSync(place, { recursive: true })
  print(`building ${module} (only once, takes a few minutes)`)
  // Only with Go's own variables, and at low priority, because it uses every core.
  const child = startChild('nice', ['-n', '19', 'go', 'install', module], {
    env: { ...process.env, GOBIN: place, GOFLAGS: '-mod=mod' },
  })
  const end = await child.ended
  if (end.state !== 'exited' || end.code !== 0)
    throw new Error(`go install ${module}: ${child.tail('stderr')}`)
  return path
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

process.exitCode = await main()
