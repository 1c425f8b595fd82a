export { decodeLine, decodeText, readText, TextError, toUtf8 } from './decode.ts'
export {
  listRuns,
  makeFolder,
  readRecord,
  removeOldTemporaries,
  runFolder,
  writeRecord,
  writeWhole,
} from './store.ts'
export type { Stored } from './store.ts'
