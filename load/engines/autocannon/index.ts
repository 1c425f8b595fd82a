export { autocannonEngine, autocannonVersion } from './engine.ts'
