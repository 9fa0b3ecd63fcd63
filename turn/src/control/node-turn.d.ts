/** What we touch of node-turn 0.0.6, which ships no types. Imported by control.ts and, to be seen as published, by testing/. */
declare module 'node-turn' {
  import type { Socket } from 'node:dgram'

  /** Writes an answer. */
  type Reply = {
    addAttribute(name: string, value?: unknown): void
    resolve(): void
    reject(code: number, reason: string): void
  }

  /** What a handler reads of a request. */
  type Message = {
    allocation: object | null
    transactionID: string
    user: object
    server: object
    transport: { src: object; get5Tuple(): string; revert(): unknown }
    getAttribute(name: string): unknown
    getAttributes(name: string): unknown[]
    debug(): void
  }

  export default class TurnServer {
    constructor(config: object)
    /** The greatest lifetime Refresh grants; read by Refresh under this name and set by nobody in node-turn. */
    maxAllocateTimeout: number
    allocations: object
    allocate: {
      allocate(message: Message, reply: Reply): void
      allocateUdp: (message: Message) => Promise<object[]>
    }
    refresh: { refresh(message: Message, reply: Reply): void }
    createPermission: { createPermission(message: Message, reply: Reply): void }
    channelBind: { channelBind(message: Message, reply: Reply): void }
    /** The next two are for tests: we open no sockets of its own. */
    start(): void
    network: { sockets: Socket[] }
  }
}
