import {
  type NoticeData,
  type NoticeName,
  PROTOCOL_VERSION,
  type RequestData,
  type RequestName,
  type ResponseData,
} from '@trunkline/protocol'
import { io } from 'socket.io-client'
import type { Register } from './clean-ups.ts'
import { mintToken } from './rest.ts'
import { until } from './until.ts'

export type TestSocket = {
  userId: string
  token: string
  /** @throws Error `code: message` when the server refuses */
  request<N extends RequestName>(name: N, data: RequestData<N>): Promise<ResponseData<N>>
  /** Notices heard so far, in order. */
  heard<N extends NoticeName>(name: N): NoticeData<N>[]
  /** Waits for a notice, heard already or to come, that fits. */
  hear<N extends NoticeName>(
    name: N,
    fits: (data: NoticeData<N>) => boolean,
    limitMs?: number,
  ): Promise<NoticeData<N>>
  connected(): boolean
  close(): void
}

/** A bare Socket.IO client of a user, connected: what a client sends and hears, with nothing of the SDK's help. */
export const connectSocket = async (
  url: string,
  userId: string,
  register: Register,
  given?: string,
): Promise<TestSocket> => {
  const token = given ?? (await mintToken(url, userId))
  const socket = io(url, {
    auth: { token, version: PROTOCOL_VERSION },
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
  })
  register(() => void socket.close())
  const notices: [string, unknown][] = []
  socket.onAny((name: string, data: unknown) => void notices.push([name, data]))
  await until(`${userId} is connected to ${url}`, () => socket.connected)

  const heard = <N extends NoticeName>(name: N) =>
    notices.filter(([heardName]) => heardName === name).map(([, data]) => data as NoticeData<N>)
  return {
    userId,
    token,
    request: async (name, data) => {
      const ack = await socket.timeout(20_000).emitWithAck(name, data)
      if (!ack.ok) throw new Error(`${ack.error.code}: ${ack.error.message}`)
      return ack.data
    },
    heard,
    hear: (name, fits, limitMs) =>
      until(`${userId} hears ${name}`, () => heard(name).find(fits), limitMs) as never,
    connected: () => socket.connected,
    close: () => void socket.close(),
  }
}
