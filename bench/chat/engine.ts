/** A member of a room, connected. */
export type Peer = {
  /** Says something to the room; resolves once the server has acknowledged it. */
  send(text: string): Promise<void>
}

export type PeerOptions = {
  /** From 0. */
  room: number
  /** From 0, over all rooms. */
  user: number
  /** Hears what was said in the room, also by itself. */
  onText(text: string): void
}

/** One of the servers that are measured side by side. */
export type Engine = {
  name: string
  /** What an acknowledgement of it means. */
  promise: string
  /** The process whose children and itself are the server: their CPU time is counted. */
  pid: number
  connect(options: PeerOptions): Promise<Peer>
  close(): Promise<void>
}
