import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Rest } from './rest.ts'
import { Upload } from './upload.ts'

const MIB = 1024 * 1024

/** A server that takes whole uploads in, and never answers to their bytes: the line breaks first. */
const breakingServer = async (): Promise<string> => {
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      response.writeHead(201, { Location: '/v1/uploads/file_1', 'Tus-Resumable': '1.0.0' }).end()
      return
    }
    if (request.method === 'HEAD') {
      response.destroy()
      return
    }
    request.resume().on('end', () => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('what left before the line broke has not arrived; what is cancelled says so and is not tried again', async () => {
  const deps = { url: await breakingServer(), getToken: async () => 'token', rest: {} as Rest }
  const upload = new Upload({ roomId: 'r', blob: new Blob([new Uint8Array(2 * MIB)]), name: 'a.bin' }, deps)
  const told: number[] = []
  upload.on('changed', () => told.push(upload.progress))
  await vi.waitFor(() => expect(Math.max(...told)).toBeGreaterThan(0))
  await vi.waitFor(() => expect(upload.progress).toBe(0))
  expect(upload.state).toBe('sending')
  upload.cancel()
  expect(upload.state).toBe('cancelled')
  await expect(upload.done).rejects.toMatchObject({ name: 'AbortError' })
})
