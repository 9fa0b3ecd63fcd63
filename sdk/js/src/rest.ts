import {
  ERRORS,
  type ErrorCode,
  type IssuedToken,
  type OperationAnswer,
  type OperationInput,
  type OperationName,
  ROUTES,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
  type RouteResponse,
  restRequest,
  type StoredFile,
  TrunklineError,
  type VariantName,
} from '@trunkline/protocol'
import { toTrunklineError } from './errors.ts'

type Given<K extends string, T> = [T] extends [undefined] ? { [P in K]?: undefined } : { [P in K]: T }
type BodyOf<N extends RouteName> =
  RouteBody<N> extends Uint8Array ? Blob | Uint8Array<ArrayBuffer> : RouteBody<N>

/** What a call of a route takes: path parameters, query (all optional) and body, as ROUTES declares them. */
export type RouteInput<N extends RouteName> = Given<'params', RouteParams<N>> &
  Given<'body', BodyOf<N>> & { query?: Partial<RouteQuery<N>>; signal?: AbortSignal; idempotencyKey?: string }

export type RestOptions = {
  /** Where the server is, such as `https://calls.example.org`. */
  url: string
  /** The `Authorization` of each request; none when it gives undefined. */
  getToken?: () => Promise<string | undefined>
}

type RequestOptions = { signal?: AbortSignal; idempotencyKey?: string }
type AnyInput = RequestOptions & {
  params?: Record<string, string>
  query?: Record<string, string | number | readonly string[] | undefined>
  body?: unknown
}

/** The REST API, typed from the protocol's OPERATIONS and ROUTES. */
export class Rest {
  readonly #url: string
  readonly #getToken: () => Promise<string | undefined>

  constructor({ url, getToken = async () => undefined }: RestOptions) {
    this.#url = url
    this.#getToken = getToken
  }

  /**
   * Calls a route by its name in ROUTES.
   * @throws TrunklineError the server's problem, or `unavailable` when it cannot be reached
   */
  async call<N extends RouteName>(name: N, input: RouteInput<N>): Promise<RouteResponse<N>> {
    const response = await this.#fetch(name, input as unknown as AnyInput)
    return (await response.json()) as RouteResponse<N>
  }

  /**
   * Calls an operation by its name in OPERATIONS.
   * @param options `sender`: in whose name an API key acts
   * @throws TrunklineError the server's problem, or `unavailable` when it cannot be reached
   */
  async operation<N extends OperationName>(
    name: N,
    data: OperationInput<N>,
    options: RequestOptions & { sender?: string } = {},
  ): Promise<OperationAnswer<N>> {
    const { method, path, body } = restRequest(name, data, options.sender)
    const response = await this.#send(method, new URL(path, this.#url), body, options)
    return (await response.json()) as OperationAnswer<N>
  }

  /** What an export holds, as JSON Lines. */
  async downloadExport(jobId: string, options: { signal?: AbortSignal } = {}): Promise<Blob> {
    const response = await this.#fetch('getExport', { params: { id: jobId }, ...options })
    return response.blob()
  }

  /**
   * Comes into a room as a guest. With a still valid guest token of this client, the same guest comes back.
   * @throws TrunklineError `room_not_found` when there is no such room, or it takes no guests
   */
  createGuestToken(roomId: string, name: string): Promise<IssuedToken> {
    return this.call('createGuestToken', { body: { roomId, name } })
  }

  /**
   * Uploads a file to a room in one request; send it by a message with a file part. `room.files.upload` goes on where it
   * broke off, and `room.sendFiles` does both.
   */
  uploadFile(
    roomId: string,
    file: Blob,
    name: string,
    options: { signal?: AbortSignal; idempotencyKey?: string } = {},
  ): Promise<StoredFile> {
    return this.call('createFile', { params: { id: roomId }, query: { name }, body: file, ...options })
  }

  /** The bytes of a file, or of what was made of it. */
  async downloadFile(
    fileId: string,
    options: { variant?: VariantName; signal?: AbortSignal } = {},
  ): Promise<Blob> {
    const { variant = 'original', signal } = options
    const input = { params: { id: fileId, variant }, ...(signal && { signal }) }
    const response = await this.#fetch('getFileVariant', input)
    return response.blob()
  }

  /** The whole address of a path on the server, such as an avatar's or one of a file's links. */
  urlOf(path: string): string {
    return new URL(path, this.#url).href
  }

  /** STUN and TURN servers, for those who build their own RTCPeerConnection. Calls bring theirs with them. */
  iceServers(): Promise<RouteResponse<'listIceServers'>> {
    return this.call('listIceServers', {})
  }

  /** A page of a room's messages, the latest first; `nextCursor` leads to earlier ones. */
  messages(
    roomId: string,
    query: { limit?: number; cursor?: string } = {},
  ): Promise<OperationAnswer<'message:list'>> {
    return this.operation('message:list', { roomId, ...query })
  }

  async #fetch(name: RouteName, { params = {}, query = {}, body, ...options }: AnyInput): Promise<Response> {
    const route = ROUTES[name]
    const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
    const url = new URL(path, this.#url)
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value))
    }
    return this.#send(route.method.toUpperCase(), url, body, options)
  }

  async #send(method: string, url: URL, body: unknown, options: RequestOptions): Promise<Response> {
    const { signal, idempotencyKey } = options
    const headers = new Headers()
    const token = await this.#getToken()
    if (token) headers.set('Authorization', `Bearer ${token}`)
    if (idempotencyKey) headers.set('Idempotency-Key', idempotencyKey)
    const init: RequestInit = { method, headers, ...(signal && { signal }) }
    if (body instanceof Blob || body instanceof Uint8Array) {
      headers.set('Content-Type', (body instanceof Blob && body.type) || 'application/octet-stream')
      init.body = body as BodyInit
    } else if (body !== undefined) {
      headers.set('Content-Type', 'application/json')
      init.body = JSON.stringify(body)
    }
    let response: Response
    try {
      response = await fetch(url, init)
    } catch (error) {
      if (signal?.aborted) throw error
      throw new TrunklineError(
        'unavailable',
        'The server could not be reached: check the connection, then try again.',
        {
          cause: error,
        },
      )
    }
    if (!response.ok) throw problemOf(response.status, await response.text().catch(() => ''))
    return response
  }
}

const codeOfStatus = (status: number): ErrorCode =>
  (Object.keys(ERRORS) as ErrorCode[]).find(code => ERRORS[code].status === status) ??
  (status >= 500 ? 'unavailable' : 'invalid_request')

/** The error of a failed response: ours, or one made from the status when a proxy in between answered. */
export const problemOf = (status: number, body: string): TrunklineError => {
  try {
    const { code, detail, issues, retryAfterMs, limit } = JSON.parse(body)
    const details = {
      ...(issues && { issues }),
      ...(retryAfterMs && { retryAfterMs }),
      ...(limit && { limit }),
    }
    if (Object.hasOwn(ERRORS, code)) return toTrunklineError({ code, message: detail, details })
  } catch {
    // Not JSON: not from us.
  }
  return new TrunklineError(codeOfStatus(status), `The server answered ${status}.`)
}
