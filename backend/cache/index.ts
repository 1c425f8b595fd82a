export { ReplyCache } from './cache.ts'
export type { Cached, Reading } from './cache.ts'
export { Channel } from './channel.ts'
