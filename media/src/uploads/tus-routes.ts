import {
  FileId,
  IdempotencyKey,
  parse,
  type RoomDesk,
  TrunklineError,
  UPLOADS_PATH,
  UploadMetadata,
} from '@trunkline/protocol'
import type { Request, Response } from 'express'
import { type Asker, askerOf } from '../asker.ts'
import { safeName } from '../files/name.ts'
import { newFileId } from '../files/stored-file.ts'
import { drain } from './receive.ts'
import type { RunningHashes } from './running-hashes.ts'
import { CHECKSUMS, checksumOf, concatOf, metadataOf, partsOf } from './tus-headers.ts'
import {
  EXTENSIONS,
  type Exchange,
  notFound,
  RepeatedRequest,
  type TusAnswer,
  type TusDeps,
  TusServer,
} from './tus-server.ts'
import { assertWriter, isFinalRefusal, userOf } from './upload-rights.ts'
import { keyUsed, type UploadLimits, type UploadRow } from './upload-table.ts'

const TUS_VERSION = '1.0.0'

const METHODS: ReadonlySet<string> = new Set(['POST', 'HEAD', 'PATCH', 'DELETE'])

export type TusRoutesDeps = Omit<TusDeps, 'onFinish'> & {
  desk: RoomDesk
  hashes: RunningHashes
  limits: UploadLimits
}

/** What there is of an upload, or of the file that became of it, and whose it is. */
type Known = { roomId: string | null; uploader: string; parts: string[] | null; row: UploadRow | undefined }

type Asked = { uploader: string; roomId: string | null; requestKey: string | undefined }

/** The requests of tus at UPLOADS_PATH: who may do what is decided here, what the protocol says by {@link TusServer}. */
export class TusRoutes {
  readonly #deps: TusRoutesDeps
  readonly #server: TusServer

  constructor(deps: TusRoutesDeps) {
    this.#deps = deps
    this.#server = new TusServer({
      ...deps,
      onFinish: ({ request }, row) => this.#finish(row, askerOf(request)),
    })
  }

  async handle(request: Request, response: Response): Promise<void> {
    response.set('Tus-Resumable', TUS_VERSION)
    if (request.method === 'OPTIONS') {
      this.#describe(response)
      return
    }
    try {
      await this.#handle(request, response)
    } finally {
      drain(request)
    }
  }

  async #handle(request: Request, response: Response): Promise<void> {
    const asker = askerOf(request)
    if (request.get('tus-resumable') !== TUS_VERSION) {
      response.set('Tus-Version', TUS_VERSION)
      throw new TrunklineError('tus_version', `Send the header Tus-Resumable: ${TUS_VERSION}.`)
    }
    // Where neither browser nor proxy lets PATCH and DELETE pass, they are said by this header.
    const method = request.get('x-http-method-override')?.toUpperCase() ?? request.method
    const { id } = request.params
    if (!METHODS.has(method) || (method === 'POST') !== (id === undefined)) {
      throw new TrunklineError(
        'method_not_allowed',
        `POST ${UPLOADS_PATH} creates an upload; HEAD, PATCH and DELETE are for what that answered as Location.`,
      )
    }
    const concat = request.get('upload-concat')
    if (typeof id === 'string') await this.#change(request, response, { method, id, asker })
    else if (concat?.startsWith('final;')) await this.#concatenate(request, response, { concat, asker })
    else await this.#create(request, response, { concat, asker })
  }

  /** What the server can do, for whoever asks: https://tus.io/protocols/resumable-upload#options */
  #describe(response: Response): void {
    response.set({
      'Tus-Version': TUS_VERSION,
      'Tus-Extension': EXTENSIONS.join(','),
      'Tus-Max-Size': String(this.#deps.limits.uploadBytes),
      'Tus-Checksum-Algorithm': CHECKSUMS.join(','),
    })
    response.status(204).end()
  }

  async #create(
    request: Request,
    response: Response,
    { concat, asker }: { concat: string | undefined; asker: Asker },
  ): Promise<void> {
    if (concat !== undefined && concat !== 'partial') {
      throw new TrunklineError(
        'invalid_request',
        'Upload-Concat is either partial, or final; with the parts.',
      )
    }
    const isPart = concat !== undefined
    const about = isPart
      ? // Parts say nothing of themselves: what they become is asked for its rights.
        { roomId: null, name: null, uploader: await userOf(this.#deps.desk, asker) }
      : await this.#described(request, asker)
    // Clients send the same headers with all parts of an upload: the key is the whole's.
    const requestKey = isPart ? undefined : this.#requestKeyOf(request)
    if (await this.#answerRepeated(request, response, { ...about, requestKey })) return
    const id = newFileId()
    const creates = { id, ...about, size: null, isPart, requestKey }
    const exchange = { request, method: 'POST', id, creates, checksum: checksumOf(request) }
    try {
      const answer = await this.#server.answer(exchange)
      const location = answer.headers.get('Location')
      if (location !== null) answer.headers.set('Location', locationOf(request, location))
      this.#send(response, answer)
    } catch (error) {
      if (!(error instanceof RepeatedRequest)) throw error
      if (!(await this.#answerRepeated(request, response, { ...about, requestKey }))) throw notFound()
    }
  }

  async #change(
    request: Request,
    response: Response,
    { method, id, asker }: { method: string; id: string; asker: Asker },
  ): Promise<void> {
    const known = await this.#find(id)
    await this.#assertOwn(known, asker, method)
    if (method === 'PATCH') assertPatch(request)
    const exchange: Exchange = {
      request,
      method,
      id,
      size: known.row?.size,
      checksum: checksumOf(request),
    }
    const answer = await this.#server.answer(exchange)
    if (method === 'HEAD') {
      if (known.row?.isPart) answer.headers.set('Upload-Concat', 'partial')
      if (known.parts) answer.headers.set('Upload-Concat', concatOf(known.parts))
      // All of it came, but its end did not: the process was killed, or could not ask who may write.
      if (isComplete(answer)) {
        const row = await this.#deps.uploads.find(id)
        if (row && !row.isPart) await this.#finish(row, asker)
      }
    }
    this.#send(response, answer)
  }

  async #concatenate(
    request: Request,
    response: Response,
    { concat, asker }: { concat: string; asker: Asker },
  ): Promise<void> {
    const { staging, locks, completion } = this.#deps
    if (request.get('upload-length') !== undefined) {
      throw new TrunklineError('invalid_request', 'Upload-Length is not said of what is put together.')
    }
    const about = await this.#described(request, asker)
    const asked = { ...about, requestKey: this.#requestKeyOf(request) }
    const parts = partsOf(concat)
    const releases: (() => Promise<void>)[] = []
    const lock = async (id: string) => releases.push(await locks.acquire(id, () => {}))
    try {
      // In one order everywhere, so that two of these do not wait for each other.
      for (const part of parts.toSorted()) await lock(part)
      const begun = await this.#findRepeated(asked)
      const whole = await this.#wholeOf(parts, asked, begun?.id)
      if (whole) {
        await lock(whole.id)
        // Another with this key may have finished it from parts of its own.
        if (await this.#deps.uploads.find(whole.id)) {
          await staging.concatenate(parts, whole.id)
          await this.#finish(whole, asker)
        }
        for (const part of parts) await completion.discard(part)
      }
      const id = whole?.id ?? begun?.id
      response
        .status(201)
        .set('Location', locationOf(request, `${UPLOADS_PATH}/${id}`))
        .end()
    } finally {
      for (const release of releases) await release()
    }
  }

  /**
   * What parts are to be put together in: a new upload, or that of an earlier request with the same key that got no further.
   * @param begun the id of what that request created
   * @returns nothing when there is nothing left to do
   */
  async #wholeOf(
    parts: string[],
    asked: { roomId: string; name: string; uploader: string; requestKey: string | undefined },
    begun: string | undefined,
  ): Promise<UploadRow | undefined> {
    const { uploads } = this.#deps
    const earlier = begun === undefined ? undefined : await uploads.find(begun)
    // It is a file by now, or an upload that is no whole of parts: only those reserve nothing for themselves.
    if (begun !== undefined && (!earlier || earlier.reserved > 0)) return undefined
    const size = await this.#sizeOfParts(parts, asked.uploader)
    if (earlier && earlier.size !== size) {
      throw new TrunklineError('conflict', 'This Idempotency-Key was used for other parts.')
    }
    const whole = earlier ?? (await uploads.createWhole({ id: newFileId(), ...asked, size, parts }))
    if (whole) return whole
    throw new TrunklineError('unavailable', 'Another request works on this upload. Try again in a moment.')
  }

  /** @returns how many bytes finished parts of somebody have together */
  async #sizeOfParts(parts: readonly string[], uploader: string): Promise<number> {
    let total = 0
    for (const id of parts) {
      const row = await this.#deps.uploads.find(id)
      if (row?.uploader !== uploader || !row.isPart) throw notFound()
      const size = await this.#deps.staging.size(id)
      if (size === undefined || size !== row.size || row.uncheckedFrom !== null) {
        throw new TrunklineError('conflict', `The part ${UPLOADS_PATH}/${id} is not finished.`)
      }
      total += size
    }
    this.#deps.uploads.assertSize(total)
    return total
  }

  /** Room and name of what is created, and who creates it, who may write there. */
  async #described(request: Request, asker: Asker) {
    const { roomId, name } = parse(UploadMetadata, metadataOf(request), 'Upload-Metadata')
    const uploader = await assertWriter(this.#deps.desk, asker, roomId)
    return { roomId, name: safeName(name), uploader }
  }

  #requestKeyOf(request: Request): string | undefined {
    return parse(IdempotencyKey.optional(), request.get('Idempotency-Key'), 'Idempotency-Key')
  }

  /** What an earlier request with this key created, if there was one. */
  async #findRepeated(asked: Asked): Promise<{ id: string } | undefined> {
    const { uploader, roomId, requestKey } = asked
    if (requestKey === undefined) return undefined
    const earlier = await this.#deps.uploads.findByRequestKey(uploader, requestKey)
    if (!earlier || earlier.roomId === roomId) return earlier
    throw keyUsed()
  }

  /** Answers as the first request with this key was answered, if there was one. */
  async #answerRepeated(request: Request, response: Response, asked: Asked): Promise<boolean> {
    const earlier = await this.#findRepeated(asked)
    // How much of it is there is to be asked by HEAD.
    if (earlier) {
      const location = locationOf(request, `${UPLOADS_PATH}/${earlier.id}`)
      response.status(201).set('Location', location).end()
    }
    return earlier !== undefined
  }

  /** Makes the file, if who sent it may still write there; else nothing of it stays. */
  async #finish(row: UploadRow, asker: Asker): Promise<void> {
    const { desk, completion, hashes } = this.#deps
    const { id, roomId, size } = row
    if (roomId === null || size === null)
      throw new TypeError('only what is whole and of a room becomes a file')
    try {
      await assertWriter(desk, asker, roomId)
      await completion.complete(row, { size, sha256: await hashes.finish(id, size) })
    } catch (error) {
      if (isFinalRefusal(error)) await completion.discard(id)
      throw error
    }
  }

  async #find(id: string): Promise<Known> {
    const { uploads, files } = this.#deps
    // What no upload can be called is not looked for.
    const isId = FileId.safeParse(id).success
    const row = isId ? await uploads.find(id) : undefined
    const file = isId && !row ? (await files.find(id))?.file : undefined
    const { roomId, uploader, parts } = row ?? file ?? { roomId: null, uploader: '', parts: null }
    return { roomId, uploader, parts, row }
  }

  /** @throws TrunklineError `not_found` for what is somebody else's, or not there; `forbidden` for whoever may not write */
  async #assertOwn({ roomId, uploader }: Known, asker: Asker, method: string): Promise<void> {
    const { desk } = this.#deps
    if (roomId === null || method === 'DELETE') {
      if ((await userOf(desk, asker)) !== uploader) throw notFound()
      return
    }
    const who = await assertWriter(desk, asker, roomId).catch((error: unknown) => {
      throw error instanceof TrunklineError && error.code === 'room_not_found' ? notFound() : error
    })
    if (who !== uploader) throw notFound()
  }

  #send(response: Response, { status, headers }: TusAnswer): void {
    for (const [name, value] of headers) {
      // Who may call from where is said once for the whole server, and there is no text of any type.
      if (!name.startsWith('access-control-') && name !== 'content-type') response.set(name, value)
    }
    response.status(status).end()
  }
}

/** Where an upload goes on: whoever acts for another does so there as well. */
const locationOf = (request: Request, path: string): string => {
  const { sender } = askerOf(request)
  return sender === undefined ? path : `${path}?sender=${encodeURIComponent(sender)}`
}

const isComplete = ({ headers }: TusAnswer): boolean =>
  headers.get('Upload-Length') !== null && headers.get('Upload-Length') === headers.get('Upload-Offset')

/** @throws TrunklineError `unsupported_media_type`, `invalid_request` */
const assertPatch = (request: Request): void => {
  if (request.get('content-type') !== 'application/offset+octet-stream') {
    throw new TrunklineError(
      'unsupported_media_type',
      'Send the bytes with the header Content-Type: application/offset+octet-stream.',
    )
  }
  if (request.get('upload-offset') === undefined) {
    throw new TrunklineError('invalid_request', 'Say in Upload-Offset after how many bytes these follow.')
  }
}
