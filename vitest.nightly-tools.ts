import { clusterToolNames, requireTool } from './runtime/tools/index.ts'

/** Brings the tools before any test: etcd and Kubernetes are built by Go, once on each machine. */
export default async function bringTools(): Promise<void> {
  for (const name of ['k6', ...clusterToolNames] as const)
    await requireTool(name, (text) => process.stderr.write(`${text}\n`))
}
