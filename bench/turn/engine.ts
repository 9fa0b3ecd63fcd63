/** How a packet travels: in a Send indication or by channel to the peer, in a Data indication or by channel back. */
export const KINDS = ['send', 'channel-out', 'data', 'channel-in'] as const
export type Kind = (typeof KINDS)[number]

/** What the blaster is to speak. `raw` is for the echo: nothing but the payload. */
export type Format = Kind | 'raw-out' | 'raw-in'

/** A client's port, and the port its relay has for it. */
export type Pair = { client: number; relayed: number }

/** Where packets go to and come from on 127.0.0.1; the same for all clients, as it is with an SFU. */
export type Peers = {
  /** Reached by channel. */
  channel: number
  /** Reached by indications. */
  plain: number
}

/** One of the servers that are measured side by side, in processes of its own. */
export type Engine = {
  name: string
  /** All that is the server: their CPU time is counted. */
  pids: readonly number[]
  /** Where clients reach it on 127.0.0.1. */
  port: number
  /** @returns undefined when it can't relay packets of this kind */
  format(kind: Kind): Format | undefined
  /** Makes so many clients that may talk to both peers. */
  connect(clients: number): Promise<Pair[]>
  close(): Promise<void>
}

/** What the servers started from here are told, as JSON in their first argument. */
export type Start = { peers: Peers; port: number; processes: number }

/** Where everything listens. */
export const HOST = '127.0.0.1'
export const REALM = 'bench'
export const SECRET = 'the-secret-of-this-measurement'
export const NODE_TURN_USER = { username: 'bench', password: 'bench' }
