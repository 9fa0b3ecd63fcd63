import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type {
  MessagePost,
  OperationAnswer,
  OperationInput,
  OperationName,
  RequestData,
  RoomPost,
} from '@trunkline/protocol'
import type { Register } from './clean-ups.ts'
import { perform } from './operations.ts'
import { restartServer, startServer, type TestServer } from './server.ts'
import { connectSocket, type TestSocket } from './socket.ts'

/** Performs an operation and gives its answer. Throws Error `code: message` when the server refuses. */
export type Ask = <N extends OperationName>(
  who: string,
  name: N,
  data: OperationInput<N>,
) => Promise<OperationAnswer<N>>

/** The code a request was refused with. */
export const refusalOf = async (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'nothing was refused',
    (error: Error) => error.message.split(':')[0] ?? '',
  )

/** Asks again, when told to, what came too fast: tests are faster than people. */
const patiently = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const wait = /^rate_limited: .* (\d+) ms/.exec((error as Error).message)?.[1]
      if (wait === undefined) throw error
      await delay(Number(wait))
    }
  }
}

/** A server with people who have a token and a socket each: whatever is asked can be asked over either. */
export type Stage = {
  server(): TestServer
  url(): string
  token(who: string): string
  socket(who: string): TestSocket
  overRest: Ask
  overSocket: Ask
  /** In the name of the app's server, or of a user by it. */
  asServer<N extends OperationName>(
    name: N,
    data: OperationInput<N>,
    sender?: string,
  ): Promise<OperationAnswer<N>>
  /** Creates a room and gives its id. */
  room(owner: string, post: Omit<RoomPost, 'kind'> & { kind?: RoomPost['kind'] }): Promise<string>
  /** Sends a message over the socket and gives its number. */
  say(who: string, roomId: string, text: string, more?: Partial<MessagePost>): Promise<number>
  /** Ends the server as it is told to, and starts it again on the same data; sockets come back by themselves. */
  restart(signal: NodeJS.Signals): Promise<void>
}

export const setStage = async (
  register: Register,
  people: readonly string[],
  options: { services?: string[]; env?: Record<string, string> } = {},
): Promise<Stage> => {
  const { services = ['signalling'] } = options
  const env = { TRUNKLINE_SECRET: 'the secret of a stage', ...options.env }
  let server = await startServer({ services, env, register })
  const { url } = server
  const sockets = new Map<string, TestSocket>()
  for (const who of people) sockets.set(who, await connectSocket(url, who, register))
  const socket = (who: string) => sockets.get(who) as TestSocket

  const rest = async <N extends OperationName>(
    name: N,
    data: OperationInput<N>,
    options: { token?: string; sender?: string },
  ): Promise<OperationAnswer<N>> =>
    patiently(async () => {
      const { status, body } = await perform(url, name, data, options)
      if (status >= 300) throw new Error(`${body.code}: ${body.detail}`)
      return body
    })
  const overRest: Ask = (who, name, data) => rest(name, data, { token: socket(who).token })
  const overSocket: Ask = (who, name, data) =>
    patiently(() => socket(who).request(name, data as RequestData<typeof name>)) as never

  return {
    server: () => server,
    url: () => url,
    token: who => socket(who).token,
    socket,
    overRest,
    overSocket,
    asServer: (name, data, sender) => rest(name, data, sender === undefined ? {} : { sender }),
    room: async (owner, post) => (await overRest(owner, 'room:create', { kind: 'group', ...post })).id,
    say: async (who, roomId, text, more = {}) => {
      const data = { roomId, clientId: randomUUID(), text, ...more } as RequestData<'message:send'>
      return (await patiently(() => socket(who).request('message:send', data))).event.seq
    },
    restart: async signal => {
      await server.stop(signal)
      server = await restartServer(server, { services, register })
    },
  }
}
