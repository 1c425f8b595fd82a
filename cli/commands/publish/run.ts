import { appendFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { loadConfig } from '../../../config/index.ts'
import { formatPublication, formatWorkflowCommands, toAnnotations } from '../../../reports/ci/index.ts'
import type { Annotation, Publication } from '../../../reports/ci/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { createProgress } from '../../shared/progress.ts'
import { errorMessage, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { readArtefact, writeArtefact } from './artefact.ts'
import type { PublishOptions } from './command.ts'
import { readContext } from './context.ts'
import type { CiContext } from './context.ts'
import { beginCheck, postResult } from './hosts.ts'
import { countRows, readMeasured, renderVerdict, toOutcome } from './measured.ts'
import { createLocator } from './places.ts'

/**
 * Shows a result where the change is discussed. What could not be shown is one warning: it changes neither
 * the verdict nor the exit code of the measurement.
 */
export async function publish(
  result: string | undefined,
  options: PublishOptions,
  world: World,
): Promise<number> {
  const { warn } = createProgress(world, options.quiet ?? false)
  const context = await readContext(world)
  if (options.begin) {
    const problem = await beginCheck(context, options, world)
    if (problem !== undefined) warn(problem)
    return exitCodes.pass.code
  }
  const { publication, annotations, pullRequest } =
    options.fromFork === undefined
      ? await readOwn(result, options, context, world)
      : await readFork(options.fromFork, options, context, world)
  const problems = await writeLocally(publication, context)
  const posted = await postResult({ publication, annotations, pullRequest }, context, options, world)
  if (posted.isCheckMissing && context.kind === 'github') world.stdout(formatWorkflowCommands(annotations))
  const warnings = [...problems, ...posted.problems]
  if (warnings.length > 0) warn(`the result was not published completely: ${warnings.join('; ')}`)
  else if (!options.quiet) world.stderr(`${posted.note}\n`)
  return exitCodes.pass.code
}

interface Published {
  publication: Publication
  annotations: Annotation[]
  pullRequest: number | undefined
}

/** The result of this workflow. Leaves the artefact for one that publishes for forks. */
async function readOwn(
  result: string | undefined,
  { exitCode, mode, config, ciId, reportUrl, out }: PublishOptions,
  context: CiContext,
  world: World,
): Promise<Published> {
  const measured = await readMeasured({ cwd: world.cwd, result, exitCode, mode })
  const workspace = 'workspace' in context ? context.workspace : world.cwd
  const loaded = await loadConfig(world.cwd, config)
  const locate =
    loaded.state === 'ok' ? await createLocator(loaded.loaded, workspace).catch(() => undefined) : undefined
  const annotations = toAnnotations(measured, (row) => locate?.(row))
  const pullRequest = context.kind === 'github' ? context.pullRequest : undefined
  const [problem] = await writeArtefact(resolve(world.cwd, out), {
    ...(pullRequest !== undefined && { pullRequest }),
    ...(exitCode !== undefined && { exitCode }),
    mode: measured.mode,
    verdict: measured.verdict,
    annotations,
  })
  if (problem !== undefined) throw new UsageError(problem)
  await writeOutputs(context, { measured, exitCode })
  const link = reportUrl ?? ('runUrl' in context ? context.runUrl : undefined)
  return {
    publication: { id: ciId, ...measured, ...(link !== undefined && { link }) },
    annotations,
    pullRequest,
  }
}

/** The result of a fork's workflow, which the code of the fork wrote. */
async function readFork(
  folder: string,
  { ciId }: PublishOptions,
  context: CiContext,
  world: World,
): Promise<Published> {
  if (context.kind !== 'github' || context.completedRun === undefined)
    throw new UsageError('--from-fork: expected the event workflow_run, whose commit the result is about')
  const artefact = await readArtefact(resolve(world.cwd, folder))
  const { verdict, mode, exitCode, annotations, pullRequest } = artefact
  return {
    publication: {
      id: ciId,
      outcome: toOutcome(exitCode, verdict, mode),
      mode,
      ...(verdict && { verdict }),
      documents: verdict ? [renderVerdict(verdict, 'result of a fork')] : [],
      link: context.completedRun.url,
      origin: '_Measured by a workflow that runs the code of a fork: it can write any result._',
    },
    annotations,
    pullRequest,
  }
}

/** The summary of the step, which needs no permission. */
async function writeLocally(publication: Publication, context: CiContext): Promise<string[]> {
  if (context.kind !== 'github' || context.summaryFile === undefined) return []
  try {
    await appendFile(context.summaryFile, `${formatPublication(publication)}\n`)
    return []
  } catch (error) {
    return [`the step summary: ${errorMessage(error)}`]
  }
}

/** The outputs of the action. */
async function writeOutputs(
  context: CiContext,
  {
    measured,
    exitCode,
  }: { measured: Awaited<ReturnType<typeof readMeasured>>; exitCode: number | undefined },
): Promise<void> {
  const file = context.kind === 'github' ? context.outputFile : undefined
  if (file === undefined) return
  const { outcome, verdict, report = '' } = measured
  const outputs = {
    verdict: outcome === 'usage-error' || outcome === 'interrupted' ? 'invalid' : outcome,
    'exit-code': String(exitCode ?? ''),
    report: report.replaceAll(/[\r\n]/g, ''),
    'rows-failed': String(countRows(verdict, 'fail')),
    'rows-inconclusive': String(countRows(verdict, 'inconclusive')),
  }
  await appendFile(
    file,
    Object.entries(outputs)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
}
