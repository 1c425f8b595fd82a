export {
  composeComment,
  formatPublication,
  formatWorkflowCommands,
  isCommentOf,
  toAnnotations,
  toCheck,
} from './publication.ts'
export type { Annotation, Check, CommentPolicy, Publication, SourcePlace } from './publication.ts'
export type { PublishedOutcome } from './publication.ts'
