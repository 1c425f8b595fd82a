export { toNetwork } from './address.ts'
export { createApp, listRoutes, pathWithId } from './app.ts'
export type { AppOptions, RequestObserver } from './app.ts'
export { decodeFile, readBody, scanJson } from './body.ts'
export {
  answer,
  answerOf,
  describeBody,
  describeGroup,
  describeHeader,
  describeRequestHeader,
  documented,
  jsonBody,
  listInvalidFields,
  query,
  textSchema,
} from './contract.ts'
export { drain } from './drain.ts'
export { Problem } from './problem.ts'
export type { InvalidField } from './problem.ts'
export { createScope } from './scope.ts'
export type { App, AppEnv, Principal, Scope } from './scope.ts'
export { createHttpServer } from './server.ts'
export type { ServerObserver } from './server.ts'
