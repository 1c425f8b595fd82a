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
