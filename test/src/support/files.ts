import { randomBytes } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'
import { LinkedFile, StoredFile } from '@trunkline/protocol'
import { expect } from 'vitest'
import { until } from './until.ts'

/** Uploads a file by one request. */
export const upload = async (
  url: string,
  token: string,
  roomId: string,
  name: string,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<StoredFile> => {
  const response = await fetch(`${url}/v1/rooms/${roomId}/files?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body,
  })
  const answer = await response.json()
  expect([response.status, response.status === 201 ? '' : answer]).toEqual([201, ''])
  return StoredFile.parse(answer)
}

/** Those of these files that whoever has the token may read. */
export const lookUp = async (url: string, token: string, ...ids: string[]): Promise<LinkedFile[]> => {
  const response = await fetch(`${url}/v1/files?ids=${ids.join()}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(response.status).toBe(200)
  const { data } = await response.json()
  return data.map((file: unknown) => LinkedFile.parse(file))
}

/** Waits until nothing more is made of a file. */
export const settled = (url: string, token: string, id: string): Promise<LinkedFile> =>
  until(
    `the file ${id} is all there`,
    async () => {
      const [file] = await lookUp(url, token, id)
      return file && !/^(checking|processing)$/.test(file.state) ? file : undefined
    },
    60_000,
  )

/** A chunk of a PNG. */
const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.byteLength)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A grey PNG unlike any other, of so many pixels by as many. */
export const picture = (size: number): Buffer<ArrayBuffer> => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  header[8] = 8
  const lines = Array.from({ length: size }, () => Buffer.concat([Buffer.of(0), randomBytes(size)]))
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
