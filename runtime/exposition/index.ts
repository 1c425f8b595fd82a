export { encodeFamilies, protobufType } from './protobuf.ts'
export type { MetricFamily, NativeFamilies } from './protobuf.ts'
