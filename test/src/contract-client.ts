import {
  Handshake,
  NOTICES,
  type NoticeData,
  type NoticeName,
  OPERATIONS,
  type Operation,
  type OperationAnswer,
  type OperationInput,
  type OperationName,
  PROTOCOL_VERSION,
  parse,
  REQUESTS,
  type RequestData,
  type RequestName,
  type ResponseData,
  ROUTES,
  type RouteBody,
  type RouteName,
  type RouteResponse,
} from '@trunkline/protocol'
import { io } from 'socket.io-client'
import { expect } from 'vitest'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'

type Schema = {
  safeParse(value: unknown): { success: boolean; error?: { message: string; issues: unknown[] } | undefined }
}

/** What of the contract was seen at work. */
export const seen = {
  requests: new Set<string>(),
  notices: new Set<string>(),
  events: new Set<string>(),
  operations: new Set<string>(),
}

export type ContractClient = {
  request<N extends RequestName>(name: N, data: RequestData<N>): Promise<ResponseData<N>>
  /** Waits for a notice, heard already or to come, that fits. */
  hear<N extends NoticeName>(name: N, fits?: (data: NoticeData<N>) => boolean): Promise<NoticeData<N>>
  /** Whatever was said that is not in the contract. */
  faults: string[]
  close(): void
}

/** A Socket.IO client that holds every answer and every notice against the protocol's schemas, to the letter. */
export const connectStrictly = async (url: string, token: string): Promise<ContractClient> => {
  const auth = parse(Handshake, { token, version: PROTOCOL_VERSION }, 'the handshake')
  const socket = io(url, { auth, transports: ['websocket'], forceNew: true, reconnection: false })
  const faults: string[] = []
  const heard: { name: string; data: unknown }[] = []

  const check = (schema: Schema, data: unknown, what: string) => {
    const result = schema.safeParse(data)
    if (!result.success) faults.push(`${what}: ${result.error?.message} in ${JSON.stringify(data)}`)
  }
  socket.onAny((name: string, ...args: unknown[]) => {
    heard.push({ name, data: args[0] })
    if (args.length !== 1) faults.push(`${name} came with ${args.length} arguments`)
    if (!Object.hasOwn(NOTICES, name)) {
      faults.push(`${name} is not in the contract`)
      return
    }
    seen.notices.add(name)
    check(NOTICES[name as NoticeName], args[0], name)
    if (name === 'event:appended') seen.events.add((args[0] as NoticeData<'event:appended'>).event.type)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })

  return {
    faults,
    request: async (name, data) => {
      check(REQUESTS[name].request, data, `what the test sends as ${name}`)
      const ack = await socket.timeout(20_000).emitWithAck(name, data)
      if (!ack.ok) throw new Error(`${name}: ${ack.error.code}: ${ack.error.message}`)
      if (Object.keys(ack).sort().join() !== 'data,ok') faults.push(`${name} answered ${JSON.stringify(ack)}`)
      seen.requests.add(name)
      check(REQUESTS[name].response, ack.data, `the answer to ${name}`)
      return ack.data
    },
    hear: async (name, fits = () => true) => {
      const find = () => heard.find(notice => notice.name === name && fits(notice.data as never))
      await expect.poll(find, { timeout: 20_000, message: `${name} was not heard` }).toBeDefined()
      return find()?.data as never
    },
    close: () => void socket.close(),
  }
}

/** One operation over REST; the answer must be of its status and shape, to the letter. */
export const performStrictly = async <N extends OperationName>(
  url: string,
  name: N,
  data: OperationInput<N>,
  options: { token?: string; sender?: string; headers?: Record<string, string> } = {},
): Promise<OperationAnswer<N>> => {
  const { rest: route, response } = OPERATIONS[name] as Operation
  const answer = await perform(url, name, data, options)
  expect([answer.status, answer.status === route.status ? '' : answer.body], name).toEqual([route.status, ''])
  expect(answer.headers.get('content-type'), name).toContain('application/json')
  expect((response as Schema).safeParse(answer.body).error?.issues, name).toBeUndefined()
  seen.operations.add(name)
  return answer.body
}

/** One REST call; the answer must be of the route's status and shape, to the letter. */
export const callStrictly = async <N extends RouteName>(
  url: string,
  name: N,
  options: {
    token?: string
    id?: string
    query?: string
    body?: RouteBody<N>
    headers?: Record<string, string>
  } = {},
): Promise<RouteResponse<N>> => {
  const { method, path, status, response } = ROUTES[name]
  const { token, id = '', query = '', body, headers } = options
  const answer = await rest(url, method.toUpperCase(), `${path.replace('{id}', id)}${query}`, {
    ...(token === undefined ? {} : { token }),
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers }),
  })
  expect([answer.status, answer.status === status ? '' : answer.body], name).toEqual([status, ''])
  if (response === 'bytes') return answer.body
  expect(answer.headers.get('content-type'), name).toContain('application/json')
  expect((response as Schema).safeParse(answer.body).error?.issues, name).toBeUndefined()
  return answer.body
}
