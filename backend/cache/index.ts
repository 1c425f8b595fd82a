export { type Cached, type Reading, ReplyCache } from './cache.ts'
export { Channel } from './channel.ts'
