import { isStorableText, Time, TrunklineError } from '@trunkline/protocol'

/** A cursor as clients carry it: opaque, so that it can become more. */
export const writeCursor = (...fields: (string | number)[]): string =>
  Buffer.from(JSON.stringify(fields)).toString('base64url')

/**
 * The fields of a cursor that came back, checked.
 * @param shape one check per field
 * @throws TrunklineError `invalid_request`
 */
export const readCursor = (cursor: string, shape: readonly ((field: unknown) => boolean)[]): unknown[] => {
  try {
    const fields: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (
      Array.isArray(fields) &&
      fields.length === shape.length &&
      shape.every((isValid, at) => isValid(fields[at]))
    ) {
      return fields
    }
  } catch {
    // Not one of ours.
  }
  throw new TrunklineError(
    'invalid_request',
    'This cursor is not one of ours: pass nextCursor on as it came.',
  )
}

// What a field of a cursor may be. Clients carry them, so whatever the database would stumble over is refused here.
export const isText = (field: unknown): boolean => typeof field === 'string' && isStorableText(field)
export const isTime = (field: unknown): boolean => Time.safeParse(field).success && (field as string) >= '1'
/** As a column of 32 bits holds it. */
export const isInt = (field: unknown): boolean => Number.isInteger(field) && field === Number(field) >> 0
export const isSeq = (field: unknown): boolean => Number.isSafeInteger(field) && (field as number) >= 0

/** A cursor that is the number of an event. */
export const cursorOf = (seq: number): string => writeCursor(seq)
export const seqOf = (cursor: string | undefined): number | undefined =>
  cursor === undefined ? undefined : (readCursor(cursor, [isSeq])[0] as number)
