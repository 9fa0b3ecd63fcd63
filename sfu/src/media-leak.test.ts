import { test } from 'vitest'
import { expectNothingLeft } from './testing/nothing-left.ts'
import { Peer } from './testing/peer.ts'
import { until } from './testing/until.ts'

/**
 * Fewer than without media, and in a process of their own: the wrapper of libwebrtc that plays the clients in Node
 * crashes when its objects are collected, which many rounds bring about.
 */
const MEDIA_ROUNDS = 12

test(
  `${MEDIA_ROUNDS} rounds with sound and picture leave nothing behind`,
  () =>
    expectNothingLeft(MEDIA_ROUNDS, async (sfu, n) => {
      // One leaves in order, one as a crashed tab whose socket signalling then misses.
      const anna = await Peer.join(sfu, `room-${n % 3}`, `anna-${n}`)
      await anna.publishMic()
      const ben = await Peer.join(sfu, `room-${n % 3}`, `ben-${n}`)
      await Promise.all([anna.publishCamera(), ben.publishMic()])
      const [mic, camera] = await Promise.all([
        anna.receives(ben.ids.participantId, 'mic'),
        ben.receives(anna.ids.participantId, 'camera'),
      ])
      await until('sound arrives', async () => (await anna.inbound(mic, 'packetsReceived')) > 0)
      await until('picture arrives', async () => (await ben.inbound(camera, 'packetsReceived')) > 0)
      await anna.leave()
      ben.vanish()
      await sfu.request('call:leave', ben.ids)
    }),
  60_000 + MEDIA_ROUNDS * 3_000,
)
