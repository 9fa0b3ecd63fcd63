import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bearerOf, type Logger } from '@trunkline/kit'
import { IdempotencyKey, parse, RIGHTS, ROUTES, TrunklineError } from '@trunkline/protocol'
import type { Request, Response } from 'express'
import type { RoomAccess } from './access.ts'
import { examine } from './examine.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import type { FileKeeper } from './file-keeper.ts'
import { type FileRow, type FileTable, toStoredFile } from './files.ts'
import { safeName } from './name.ts'
import { drain, receive } from './receive.ts'

export type UploadDeps = {
  logger: Logger
  access: RoomAccess
  files: FileTable
  keeper: FileKeeper
  ffmpeg: Ffmpeg | undefined
  /** Where uploads are until they are stored. */
  folder: string
  /** bytes */
  maxBytes: number
}

/** @throws TrunklineError `token_missing` */
export const requireToken = (request: Request): string => {
  const token = bearerOf(request)
  if (token !== undefined) return token
  throw new TrunklineError('token_missing', 'Send the token as "Authorization: Bearer <token>".')
}

const assertWriter = async (access: RoomAccess, token: string, roomId: string): Promise<string> => {
  const { userId, role } = await access.roleOf(token, roomId)
  if (RIGHTS[role].write) return userId
  throw new TrunklineError(
    'forbidden',
    `Your role in this room, ${role}, cannot send files: it takes publisher.`,
  )
}

/** `POST /v1/rooms/{id}/files?name=`: the body is the file. With an `Idempotency-Key` a repeated one is stored once. */
export const createUploadHandler = (deps: UploadDeps) => {
  const { access, files, keeper, ffmpeg, folder, logger } = deps

  const store = async (request: Request, response: Response): Promise<FileRow> => {
    const token = requireToken(request)
    const { id: roomId } = parse(ROUTES.createFile.params, request.params, 'the path')
    const { name } = parse(ROUTES.createFile.query, { ...request.query }, 'the query')
    const requestKey = parse(IdempotencyKey.optional(), request.get('Idempotency-Key'), 'Idempotency-Key')
    const uploader = await assertWriter(access, token, roomId)

    const earlier = requestKey && (await files.findByRequestKey(uploader, requestKey))
    if (earlier) {
      if (earlier.roomId === roomId) return earlier
      throw new TrunklineError('conflict', 'This Idempotency-Key was used for a file of another room.')
    }

    const path = join(folder, randomUUID())
    try {
      const { size, sha256 } = await receive(request, path, deps.maxBytes)
      const { thumbnail, ...examined } = await examine(path, { ffmpeg, folder, logger })
      // Asked again: whoever was banned while sending gets nothing in.
      await assertWriter(access, token, roomId)
      const file = { roomId, uploader, name: safeName(name), size, sha256, ...examined }
      const cancelled = () => response.closed || request.socket.destroyed
      return await keeper.keep(file, { path, thumbnail }, { requestKey, cancelled })
    } finally {
      await rm(path, { force: true })
    }
  }

  return async (request: Request, response: Response): Promise<void> => {
    try {
      const row = await store(request, response)
      response.status(ROUTES.createFile.status).json(toStoredFile(row))
    } finally {
      drain(request)
    }
  }
}
