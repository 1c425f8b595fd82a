export type { ApiAnswer, KubernetesApi } from './api.ts'
export { connect, listContexts } from './proxy.ts'
export type { Connection } from './proxy.ts'
