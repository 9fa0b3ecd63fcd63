import { TrunklineError } from '@trunkline/protocol'
import type { Request } from 'express'

/**
 * Refuses a file that is wrapped in a form, as `curl -F` sends it: the wrapping would be stored as bytes of it. Forms of the
 * other kind, application/x-www-form-urlencoded, cannot be told from a file: `curl --data-binary` calls any file that.
 * @throws TrunklineError `unsupported_media_type`
 */
export const refuseForms = (request: Request): void => {
  if (!/^\s*multipart\/form-data\s*(;|$)/i.test(request.get('content-type') ?? '')) return
  throw new TrunklineError(
    'unsupported_media_type',
    "Send the bytes of the file themselves, for example curl --data-binary @photo.jpg -H 'Content-Type: application/octet-stream'.",
  )
}
