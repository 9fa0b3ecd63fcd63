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
