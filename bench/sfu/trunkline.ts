import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connectLink, createLogger } from '@trunkline/kit'
import { type ConsumerOptions, SFU_CONTRACT, type Sfu, type TransportOptions } from '@trunkline/protocol'
import type { Engine, Party, PartyOptions } from './engine.ts'
import { PAYLOAD_TYPE, Receiver, Sender } from './peer.ts'
import { describe, fingerprintOf, type ServerTransport } from './sdp.ts'

const SECRET = 'the-secret-of-this-measurement'
const VP8 = { mimeType: 'video/VP8', clockRate: 90_000, parameters: {}, rtcpFeedback: [] }
const CAPABILITIES = { codecs: [{ kind: 'video', preferredPayloadType: PAYLOAD_TYPE, ...VP8 }] }

type Joined = Awaited<ReturnType<typeof join>>
type Encoded = { mid: string; codecs: { payloadType: number }[]; encodings: { ssrc: number }[] }

const join = (sfu: Sfu, roomId: string, n: number) =>
  sfu.request('call:join', {
    roomId,
    participantId: `par_${n}`,
    userId: `user-${n}`,
    name: `Peer ${n}`,
    connectionId: 'bench',
    standing: { role: 'speaker', rank: 0 },
    lobby: false,
    asOf: 0,
    rtpCapabilities: CAPABILITIES,
  })

const idsOf = ({ call, participantId }: Joined) => ({ roomId: call.roomId, participantId })
const halfOf = (options: TransportOptions) => options as unknown as ServerTransport

const connect = (sfu: Sfu, joined: Joined, transport: TransportOptions, sdp: string) =>
  sfu.request('transport:connect', {
    ...idsOf(joined),
    transportId: transport.id,
    dtlsParameters: { role: 'client', fingerprints: [fingerprintOf(sdp)] },
  })

const sectionOf = ({ rtpParameters }: ConsumerOptions, n: number) => {
  const { codecs, encodings } = rtpParameters as Encoded
  return {
    mid: String(n),
    payloadType: codecs[0]?.payloadType ?? 0,
    ssrc: encodings[0]?.ssrc ?? 0,
    direction: 'sendonly' as const,
  }
}

const openSender = (sfu: Sfu, joined: Joined, address: string, ssrc: number): Promise<Sender> =>
  Sender.connect(address, ssrc, async offer => {
    await connect(sfu, joined, joined.sendTransport, offer)
    await sfu.request('producer:create', {
      ...idsOf(joined),
      transportId: joined.sendTransport.id,
      source: 'camera',
      kind: 'video',
      rtpParameters: {
        mid: '0',
        codecs: [{ payloadType: PAYLOAD_TYPE, ...VP8 }],
        encodings: [{ ssrc }],
        rtcp: { cname: 'bench' },
      },
    })
    const section = { mid: '0', payloadType: PAYLOAD_TYPE, direction: 'recvonly' as const }
    return describe(halfOf(joined.sendTransport), [section], 'passive')
  })

const openReceiver = async (
  sfu: Sfu,
  joined: Joined,
  consumers: readonly ConsumerOptions[],
  address: string,
  onPacket: (age: number) => void,
): Promise<Receiver> => {
  const offer = describe(halfOf(joined.receiveTransport), consumers.map(sectionOf), 'actpass')
  const receiver = await Receiver.connect(address, offer, onPacket, async answer => {
    await connect(sfu, joined, joined.receiveTransport, answer)
  })
  await sfu.request('consumer:resume', { ...idsOf(joined), consumerIds: consumers.map(({ id }) => id) })
  return receiver
}

/** How an SFU is started here; one worker, and room for everybody, when nothing is said. */
type Workers = { name?: string; workers?: number; workerStreams?: number }

/** Ours: the process that is asked who is in which call, and its workers. */
export const startTrunkline = async (
  address: string,
  { name = 'Trunkline', workers = 1, workerStreams = 100_000 }: Workers = {},
): Promise<Engine> => {
  const child = fork(fileURLToPath(new URL('./trunkline-server.ts', import.meta.url)), [
    address,
    SECRET,
    String(workers),
    String(workerStreams),
  ])
  const [{ port, pids }] = (await once(child, 'message')) as [{ port: number; pids: number[] }]
  const logger = createLogger({ name: 'bench', level: 'error' })
  const url = `http://${address}:${port}`
  const sfu = connectLink({ url, secret: SECRET, contract: SFU_CONTRACT, timeoutMs: 20_000, logger })
  let rooms = 0

  const open = async ({ senders, receivers, onPacket }: PartyOptions): Promise<Party> => {
    const roomId = `room${++rooms}`
    const consumers = new Map<string, ConsumerOptions[]>()
    const stop = sfu.onNotice((name, data) => {
      if (name !== 'consumer:added') return
      const { participantId, consumer } = data as { participantId: string; consumer: ConsumerOptions }
      consumers.set(participantId, [...(consumers.get(participantId) ?? []), consumer])
    })
    const joined: Joined[] = []
    for (let n = 0; n < receivers; n++) joined.push(await join(sfu, roomId, n))
    const party: Party = {
      senders: [],
      receivers: [],
      close: async () => {
        stop()
        for (const peer of [...party.senders, ...party.receivers]) peer.close()
        for (const one of joined) await sfu.request('call:leave', idsOf(one))
      },
    }
    for (const [n, one] of joined.slice(0, senders).entries()) {
      party.senders.push(await openSender(sfu, one, address, 1_000 + n))
    }
    for (const [n, one] of joined.entries()) {
      const expected = n < senders ? senders - 1 : senders
      if (expected === 0) continue
      while ((consumers.get(one.participantId)?.length ?? 0) < expected) await tick()
      const offers = consumers.get(one.participantId) ?? []
      party.receivers.push(await openReceiver(sfu, one, offers, address, onPacket))
    }
    return party
  }

  return {
    name,
    pids,
    open,
    close: async () => {
      await sfu.close()
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

const tick = () => new Promise(resolve => setTimeout(resolve, 5))
