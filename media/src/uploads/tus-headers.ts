import { FileId, LIMITS, TrunklineError, UPLOADS_PATH } from '@trunkline/protocol'
import type { Request } from 'express'
import type { Checksum } from './receive.ts'

export const CHECKSUMS = ['sha1', 'sha256', 'md5'] as const

/** `Upload-Metadata`: keys and values in base64, `name d29ybGQ=,roomId bG9iYnk=`. */
export const metadataOf = (request: Request): unknown => {
  const metadata = new Map<string, string>()
  for (const pair of request.get('upload-metadata')?.split(',') ?? []) {
    const [key = '', value = ''] = pair.trim().split(' ')
    metadata.set(key, Buffer.from(value, 'base64').toString())
  }
  return Object.fromEntries(metadata)
}

/** @throws TrunklineError `invalid_request` */
export const checksumOf = (request: Request): Checksum | undefined => {
  const header = request.get('upload-checksum')
  if (header === undefined) return undefined
  const [name, value = ''] = header.split(' ')
  const algorithm = CHECKSUMS.find(it => it === name)
  if (algorithm) return { algorithm, value: Buffer.from(value, 'base64') }
  throw new TrunklineError(
    'invalid_request',
    `Upload-Checksum is one of ${CHECKSUMS.join(', ')}, a space, and the checksum in base64.`,
  )
}

/**
 * The ids in `Upload-Concat: final;/v1/uploads/a /v1/uploads/b?sender=ada`.
 * @throws TrunklineError `invalid_request`, `limit_reached`
 */
export const partsOf = (concat: string): string[] => {
  const ids = concat
    .slice('final;'.length)
    .trim()
    .split(/ +/)
    .map(url => url.replace(/\?.*/, '').split('/').at(-1) ?? '')
  if (ids.length > LIMITS.partsPerUpload) {
    throw new TrunklineError(
      'limit_reached',
      `An upload is put together of at most ${LIMITS.partsPerUpload} parts.`,
      { details: { limit: LIMITS.partsPerUpload } },
    )
  }
  if (new Set(ids).size < ids.length || ids.some(id => !FileId.safeParse(id).success)) {
    throw new TrunklineError(
      'invalid_request',
      'Upload-Concat: final; is followed by the addresses of the parts, with spaces between them, each once.',
    )
  }
  return ids
}

/** The header that names parts, as {@link partsOf} reads it. */
export const concatOf = (parts: readonly string[]): string =>
  `final;${parts.map(id => `${UPLOADS_PATH}/${id}`).join(' ')}`
