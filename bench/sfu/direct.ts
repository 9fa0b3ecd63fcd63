import type { Engine } from './engine.ts'
import { Receiver, Sender } from './peer.ts'

/** No server at all: one sender and one receiver, connected to each other. What of the times is the peers' own. */
export const startDirect = (address: string): Engine => ({
  name: 'no server',
  pids: [],
  open: async ({ onPacket }) => {
    const receivers: Receiver[] = []
    const connected = Promise.withResolvers<Receiver>()
    const sender = await Sender.connect(
      address,
      1_000,
      offer =>
        new Promise((answer, failed) => {
          const negotiate = async (sdp: string) => answer(sdp)
          Receiver.connect(address, offer, onPacket, negotiate).then(connected.resolve, failed)
        }),
    )
    receivers.push(await connected.promise)
    const senders = [sender]
    return {
      senders,
      receivers,
      close: async () => {
        for (const peer of [...senders, ...receivers]) peer.close()
      },
    }
  },
  close: async () => {},
})
