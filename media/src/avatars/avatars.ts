import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expressPath, isUnchanged, type Logger } from '@trunkline/kit'
import {
  AVATARS_PATH,
  type AvatarOwner,
  parse,
  ROUTES,
  type RoomDesk,
  TrunklineError,
} from '@trunkline/protocol'
import { type Request, type Response, Router } from 'express'
import type { MediaDatabase } from '../database.ts'
import { INERT } from '../downloads/headers.ts'
import { MediaFault } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import { requireToken } from '../require-token.ts'
import type { ObjectStore } from '../store/store.ts'
import { drain } from '../uploads/receive.ts'
import { refuseForms } from '../uploads/refuse-forms.ts'
import { AvatarTable } from './avatar-table.ts'
import { receivePicture } from './receive-picture.ts'

export type AvatarDeps = {
  logger: Logger
  db: MediaDatabase
  objects: ObjectStore
  desk: RoomDesk
  /** Pictures are in it until they are stored. */
  folder: string
  /**
   * Makes an avatar of the picture in a file: WebP of 512 by 512 pixels.
   * @throws MediaFault when it is no picture, or none that can be shown
   */
  picture(path: string): Promise<Buffer>
}

export type Avatars = {
  router: Router
  /** Takes away the avatars of a user or room: all of them, or the one that had this path. */
  removeOf(owner: AvatarOwner, path?: string): Promise<void>
  /** Takes away what crashes left. */
  sweep(): Promise<void>
}

const MIME = 'image/webp'
const FOREVER_SECONDS = 365 * 24 * 3_600

const pathOf = (id: string): string => `${AVATARS_PATH}/${id}`
const keyOf = (id: string): string => `avatars/${id}`
const nameOf = (owner: AvatarOwner): string =>
  'roomId' in owner ? `room/${owner.roomId}` : `user/${owner.userId}`

/** The id in the path of one of ours; an avatar may also be a picture elsewhere. */
const idOf = (path: string | null): string | undefined => {
  const id = path?.startsWith(`${AVATARS_PATH}/`) ? path.slice(AVATARS_PATH.length + 1) : undefined
  return ROUTES.getAvatar.params.safeParse({ id }).success ? id : undefined
}

/** Avatars of rooms and users: set with the rights of whoever presents the token, seen by anybody who has the address. */
export const createAvatars = (deps: AvatarDeps): Avatars => {
  const { objects, desk, folder, logger } = deps
  const table = new AvatarTable(deps.db)

  /** Objects, then rows. What fails is left for the sweep. */
  const erase = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return
    try {
      for (const id of ids) await objects.delete(keyOf(id))
      await table.remove(ids)
    } catch (error) {
      logger.warn({ err: error }, 'an avatar could not be taken away; it is tried again')
    }
  }

  const pictureOf = async (request: Request): Promise<Buffer> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, `avatar-${randomUUID()}`)
    try {
      await receivePicture(request, path)
      return await deps.picture(path)
    } catch (error) {
      throw error instanceof MediaFault
        ? new TrunklineError('unsupported_media_type', error.message, { cause: error })
        : error
    } finally {
      await rm(path, { force: true })
    }
  }

  const put = async (token: string, owner: AvatarOwner, request: Request): Promise<string> => {
    // Before anything of it is read, and again once it is there.
    await desk.assertMaySetAvatar(token, owner)
    const picture = await pictureOf(request)
    const id = randomBytes(16).toString('hex')
    const name = nameOf(owner)
    await table.announce(id, name)
    await objects.put(keyOf(id), picture, { mime: MIME })
    // Before signalling tells anybody of it: an avatar that somebody may have is never swept away.
    if (!(await table.use(id))) {
      throw new TrunklineError('unavailable', 'Storing the picture took too long. Send it again.')
    }
    try {
      const { previous } = await desk.setAvatar(token, owner, pathOf(id))
      await erase(await table.retirePast(name, idOf(previous)))
    } catch (error) {
      // After anything else nobody knows whether it was set.
      const isRefused = error instanceof TrunklineError && !error.retryable
      if (isRefused) await erase(await table.retire(name, id))
      throw error
    }
    return pathOf(id)
  }

  const remove = async (token: string, owner: AvatarOwner): Promise<void> => {
    const { previous } = await desk.setAvatar(token, owner, null)
    await erase(await table.retirePast(nameOf(owner), idOf(previous)))
  }

  const serve = async (id: string, request: Request, response: Response): Promise<void> => {
    const found = await objects.stat(keyOf(id))
    if (!found) throw new TrunklineError('not_found', 'There is no such avatar, or not any more.')
    const etag = `"${id}"`
    const isBare = request.method === 'HEAD' || isUnchanged(request.headers, etag)
    const body = isBare ? undefined : await objects.get(keyOf(id))
    response.set({
      'Content-Type': MIME,
      'Content-Disposition': 'inline',
      ...INERT,
      // Another picture has another address.
      'Cache-Control': `public, max-age=${FOREVER_SECONDS}, immutable`,
      ETag: etag,
    })
    if (isUnchanged(request.headers, etag)) {
      response.status(304).end()
      return
    }
    response.set('Content-Length', String(found.size))
    if (body) await pipeline(body, response)
    else response.end()
  }

  const roomOf = (request: Request): AvatarOwner => ({
    roomId: parse(ROUTES.putRoomAvatar.params, request.params, 'The path of the avatar').id,
  })
  const userOf = (request: Request): AvatarOwner => ({
    userId: parse(ROUTES.putUserAvatar.params, request.params, 'The path of the avatar').id,
  })

  const router = Router()
  for (const { path, ownerOf } of [
    { path: expressPath(ROUTES.putRoomAvatar.path), ownerOf: roomOf },
    { path: expressPath(ROUTES.putUserAvatar.path), ownerOf: userOf },
  ]) {
    router.put(path, async (request, response) => {
      try {
        const token = requireToken(request)
        refuseForms(request)
        const avatar = await put(token, ownerOf(request), request)
        response.json({ avatar })
      } finally {
        drain(request)
      }
    })
    router.delete(path, async (request, response) => {
      await remove(requireToken(request), ownerOf(request))
      response.json({ avatar: null })
    })
  }
  router.get(expressPath(ROUTES.getAvatar.path), async (request, response) => {
    const params = ROUTES.getAvatar.params.safeParse(request.params)
    if (!params.success) throw new TrunklineError('not_found', 'There is no such avatar, or not any more.')
    await serve(params.data.id, request, response)
  })

  return {
    router,
    async removeOf(owner, path) {
      const name = nameOf(owner)
      if (path === undefined) return erase(await table.retireAll(name))
      const id = idOf(path)
      if (id !== undefined) await erase(await table.retire(name, id))
    },
    sweep: async () => erase(await table.unused(MEDIA_LIMITS.sweepMost)),
  }
}
