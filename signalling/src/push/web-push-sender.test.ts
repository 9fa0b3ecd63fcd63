import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LIMITS } from '@trunkline/protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import webpush from 'web-push'
import type { OutgoingPush } from './push-sender.ts'
import { WebPushSender } from './web-push-sender.ts'

const push: OutgoingPush = {
  message: { type: 'message.created', tag: 'room:ward', badge: 1 },
  isUrgent: false,
  collapseKey: 'a'.repeat(32),
  expiresAt: new Date(Date.now() + 60_000),
}
const browser = webpush.generateVAPIDKeys()

test.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])('%s is in nobody’s subscription', async host => {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const sender = new WebPushSender({
    vapid: { subject: 'mailto:operator@example.org', ...webpush.generateVAPIDKeys() },
    allowsPrivate: false,
  })
  onTestFinished(() => {
    sender.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const subscription = {
    endpoint: `http://${host}:${port}/`,
    keys: { p256dh: browser.publicKey, auth: 'a'.repeat(22) },
  }
  const outcome = await sender.send({ kind: 'web', subscription }, push)
  expect([outcome.is, asked]).toEqual(['dead', 0])
})

test('a service that does not answer is waited for no longer than that, and asked again', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const sender = new WebPushSender({
    vapid: { subject: 'mailto:operator@example.org', ...webpush.generateVAPIDKeys() },
    allowsPrivate: true,
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => {
    vi.useRealTimers()
    sender.close()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const keys = { p256dh: browser.publicKey, auth: 'a'.repeat(22) }
  const endpoint = `http://127.0.0.1:${port}/`
  const outcome = sender.send({ kind: 'web', subscription: { endpoint, keys } }, push)
  await once(server, 'request')
  vi.advanceTimersByTime(LIMITS.pushTimeoutMs)
  expect(await outcome).toMatchObject({
    is: 'retry',
    problem: `It did not answer within ${LIMITS.pushTimeoutMs / 1_000} seconds.`,
  })
})
