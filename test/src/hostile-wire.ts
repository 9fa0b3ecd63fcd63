import { once } from 'node:events'
import { type Ack, PROTOCOL_VERSION } from '@trunkline/protocol'

const ANSWER_MS = 15_000

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Reply = Ack<any>

/**
 * A Socket.IO client that says exactly what it is told, so that what no proper client would send can be sent: text
 * frames on a WebSocket. https://socket.io/docs/v4/socket-io-protocol/
 */
export class Wire {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (ack: Reply) => void>()
  /** How often each request was answered. */
  readonly answers = new Map<number, number>()
  /** What the server answered to the attempt to connect: `40{...}` or `44{...}`. */
  greeting = ''
  #nextId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** Opens the transport only: nobody is admitted yet. */
  static async dial(url: string): Promise<Wire> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`)
    const wire = new Wire(socket)
    const ready = Promise.withResolvers<void>()
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') return
      if (data.startsWith('0')) ready.resolve()
      else wire.#hear(data)
    }
    socket.onerror = () => ready.reject(new Error('the transport was refused'))
    socket.addEventListener('close', () => {
      ready.reject(new Error('the transport was closed'))
      const error = { code: 'unavailable' as const, message: 'closed' }
      for (const settle of wire.#waiting.values()) settle({ ok: false, error })
      wire.#waiting.clear()
    })
    await ready.promise
    return wire
  }

  /** Connects as the owner of a token. */
  static async open(url: string, token: string): Promise<Wire> {
    const wire = await Wire.dial(url)
    const greeting = await wire.connect({ token, version: PROTOCOL_VERSION })
    if (!greeting.startsWith('40')) throw new Error(`not admitted: ${greeting}`)
    return wire
  }

  /** Asks to be admitted; returns what came back, or `''` when the server closed instead. */
  async connect(auth: unknown): Promise<string> {
    this.send(`40${JSON.stringify(auth)}`)
    const deadline = Date.now() + ANSWER_MS
    while (this.greeting === '' && this.isOpen) {
      if (Date.now() > deadline) throw new Error('the server neither admits nor refuses')
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    return this.greeting
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  /** One frame, as it is. */
  send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame)
  }

  /** A request whose arguments are JSON text; a closed connection is answered `unavailable: closed`. */
  request(name: string, ...args: string[]): Promise<Reply> {
    return this.packet(id => [`42${id}[${[JSON.stringify(name), ...args].join(',')}]`])
  }

  /** Frames that belong to one request; answers with its acknowledgement. */
  packet(framesOf: (id: number) => (string | Uint8Array<ArrayBuffer>)[]): Promise<Reply> {
    const id = this.#nextId++
    const answer = new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`request ${id} was not answered`)), ANSWER_MS)
      this.#waiting.set(id, ack => {
        clearTimeout(timer)
        resolve(ack)
      })
    })
    for (const frame of framesOf(id)) this.send(frame)
    return answer
  }

  /** Waits until the server has closed the connection. */
  async ended(): Promise<void> {
    if (this.#socket.readyState !== WebSocket.CLOSED) await once(this.#socket, 'close')
  }

  close(): void {
    this.#socket.close()
  }

  #hear(frame: string): void {
    if (frame === '2') {
      this.send('3')
      return
    }
    if (/^4[04]/.test(frame)) this.greeting = frame
    const [, digits, json] = /^43(\d+)(\[[\s\S]*)$/.exec(frame) ?? []
    if (digits === undefined || json === undefined) return
    const id = Number(digits)
    this.answers.set(id, (this.answers.get(id) ?? 0) + 1)
    this.#waiting.get(id)?.(JSON.parse(json)[0])
    this.#waiting.delete(id)
  }
}
