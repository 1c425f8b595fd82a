/*
 * What a journey is and how one step of it is played. k6's runtime loads this face too: it imports nothing of
 * Node. `client/index.ts` is the face for this process.
 */
export {
  findTargetUrlProblem,
  findWireProblem,
  toAddress,
  toRequestHeaders,
  toRequestTarget,
  toTargetUrl,
} from './address.ts'
export type { Address } from './address.ts'
export {
  buildMixCycle,
  checkStep,
  classifyAnswer,
  findRequestId,
  isExpectedStatus,
  isRequestId,
  readsResponse,
  startContext,
  toStepKey,
  toWireRequest,
} from './interpret.ts'
export { cookieHeader, saveCookies } from './cookies.ts'
export type { Cookies } from './cookies.ts'
export type { AnswerClass, StepOutcome, WireRequest } from './interpret.ts'
export { createRedactor, createValueRedactor, findSecrets, redactProblem } from './redaction.ts'
export type { Redact } from './redaction.ts'
export type {
  Context,
  FilePart,
  FormValue,
  Journey,
  Response,
  Secrets,
  Step,
  StepRequest,
  Until,
} from './journey.ts'
