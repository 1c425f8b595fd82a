export { createK6Engine } from './engine.ts'
