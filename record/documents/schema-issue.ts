import { z } from 'zod'

/**
 * A document's fields as a type: those that are known, `exactOptional` ones left out rather than undefined.
 */
export type Known<Fields extends z.core.$ZodShape> = z.infer<z.ZodObject<Fields>>

/**
 * An object of a document that others may extend: unknown fields are kept, so that a later version's survive,
 * but the type is of the known ones only.
 */
export function openObject<Fields extends z.core.$ZodShape>(fields: Fields): z.ZodType<Known<Fields>> {
  return z.looseObject(fields)
}

/** What a schema reports of a value that it refuses; an error of zod is one. */
export interface SchemaError {
  issues: readonly { path: readonly PropertyKey[]; message: string }[]
}

/**
 * The first issue as `path: message`, in one line. The keys of the path can come from anywhere: those that
 * are not identifiers are quoted.
 */
export function describeFirstIssue({ issues: [issue] }: SchemaError): string {
  return issue === undefined
    ? '(top level): does not match the schema'
    : `${describePath(issue.path)}: ${firstLine(issue.message)}`
}

function describePath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)'
  return path
    .map((key, index) =>
      typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key)
        ? `${index === 0 ? '' : '.'}${key}`
        : `[${JSON.stringify(key)}]`,
    )
    .join('')
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 300) ?? ''
}
