export { ReplyCache } from './cache.ts'
export type { CachedReply, PendingRead } from './cache.ts'
export { InstanceChannel } from './channel.ts'
