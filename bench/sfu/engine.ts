import type { Receiver, Sender } from './peer.ts'

/** Everybody of one room: who sends, and who receives all the others. */
export type Party = {
  senders: Sender[]
  receivers: Receiver[]
  /** Ends the connections, and the room. */
  close(): Promise<void>
}

export type PartyOptions = {
  senders: number
  receivers: number
  /** Called for each packet that arrives anywhere, with its age in ms. */
  onPacket: (age: number) => void
}

/** One of the servers that are measured side by side, in processes of its own. */
export type Engine = {
  name: string
  /** All that is the server: their CPU time is counted. */
  pids: readonly number[]
  /** The first of `receivers` are the senders, who do not receive themselves. */
  open(options: PartyOptions): Promise<Party>
  close(): Promise<void>
}
