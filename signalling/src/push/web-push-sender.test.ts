import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
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
