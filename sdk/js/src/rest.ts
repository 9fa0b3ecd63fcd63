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
  query?: Record<string, string | number | undefined>
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

  /** Uploads a file to a room; send it by a message with a file part (or use `room.sendFile`, which does both). */
  uploadFile(roomId: string, file: Blob, name: string): Promise<StoredFile> {
    return this.call('createFile', { params: { id: roomId }, query: { name }, body: file })
  }

  /** The bytes of a file, or of its thumbnail (WebP, at most 512 pixels). */
  async downloadFile(
    fileId: string,
    options: { thumbnail?: boolean; signal?: AbortSignal } = {},
  ): Promise<Blob> {
    const { thumbnail = false, signal } = options
    const input = { params: { id: fileId }, ...(signal && { signal }) }
    const response = await this.#fetch(thumbnail ? 'getThumbnail' : 'getFile', input)
    return response.blob()
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
        'The server could not be reached; check the connection and try again',
        {
          cause: error,
        },
      )
    }
    if (!response.ok) throw await problemOf(response)
    return response
  }
}

const codeOfStatus = (status: number): ErrorCode =>
  (Object.keys(ERRORS) as ErrorCode[]).find(code => ERRORS[code].status === status) ??
  (status >= 500 ? 'unavailable' : 'invalid_request')

/** The error of a failed response: ours, or one made from the status when a proxy in between answered. */
const problemOf = async (response: Response): Promise<TrunklineError> => {
  try {
    const { code, detail, issues, retryAfterMs, limit } = await response.json()
    const details = {
      ...(issues && { issues }),
      ...(retryAfterMs && { retryAfterMs }),
      ...(limit && { limit }),
    }
    if (Object.hasOwn(ERRORS, code)) return toTrunklineError({ code, message: detail, details })
  } catch {
    // Not JSON: not from us.
  }
  return new TrunklineError(codeOfStatus(response.status), `The server answered ${response.status}`)
}
