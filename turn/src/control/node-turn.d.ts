/** What we touch of node-turn 0.0.6, which ships no types. Imported by control.ts and nothing else. */
declare module 'node-turn' {
  import type { EventEmitter } from 'node:events'
  import type Message from 'node-turn/lib/message.js'

  type Handler = (msg: Message, reply: Message) => void

  export default class TurnServer extends EventEmitter {
    constructor(config: {
      listeningIps: string[]
      authMech: 'long-term'
      realm: string
      credentials: object
      debugLevel: 'OFF'
      debug: () => void
    })
    realm: string
    /** Read by Refresh under these two names, and set by nobody in node-turn. */
    defaultLifetime: number
    maxAllocateTimeout: number
    /** What Allocate starts from; it never reads LIFETIME (it looks for `liftetime`). */
    defaultAllocatetLifetime: number
    allocations: object
    authentification: { generateNonce: () => string; checkNonce: (nonce: string) => boolean }
    allocate: {
      allocate: Handler
      allocateUdp: (msg: Message) => Promise<object[]>
      checkQuota: (username: string) => boolean
      checkToken: (token: unknown) => boolean
    }
    refresh: { refresh: Handler }
    createPermission: { createPermission: Handler }
    channelBind: { channelBind: Handler }
    send: { send: Handler }
  }
}

declare module 'node-turn/lib/message.js' {
  import type TurnServer from 'node-turn'
  import type Transport from 'node-turn/lib/transport.js'

  type Address = { family: number; address: string; port: number; toString(): string }

  export default class Message {
    constructor(server: TurnServer, transport: Transport)
    server: TurnServer
    transport: Transport
    class: number
    method: number
    magicCookie: number
    transactionID: string
    useFingerprint: boolean
    length: number
    user: { username: string; password: string } | null
    allocation: object | null
    attributes: {
      type: number
      value?: unknown
      name?: string
      length?: number
      padding?: number
      toBuffer?: () => Buffer
    }[]
    _state: number
    reply(): Message
    addAttribute(name: string, value?: string | number | Address | { code: number; reason: string }): void
    resolve(): void
    reject(code: number, reason: string): void
    discard(): void
    toBuffer(): Buffer
    getAttribute(name: string): unknown
    getAttributes(name: string): unknown[]
  }
}

declare module 'node-turn/lib/transport.js' {
  type Address = { family: number; address: string; port: number; toString(): string }

  export default class Transport {
    constructor(
      protocol: number,
      src: Address,
      dst: Address,
      socket: { send: (packet: Buffer, port: number, address: string, done: (error: null) => void) => void },
    )
    src: Address
    dst: Address
    get5Tuple(): string
    revert(): Transport
  }
}
