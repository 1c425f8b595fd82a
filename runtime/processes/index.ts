export { startChild } from './child.ts'
export type { Child, ChildEnd, ChildOptions } from './child.ts'
