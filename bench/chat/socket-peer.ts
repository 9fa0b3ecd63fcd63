import WebSocket from 'ws'

/**
 * As little of a Socket.IO client as carries one: frames are cut by position, not parsed, so that the load costs the
 * machine less than the servers that are measured. https://socket.io/docs/v4/socket-io-protocol/
 */
export class SocketPeer {
  readonly #socket: WebSocket
  readonly #onNotice: (frame: string) => void
  readonly #waiting = new Map<string, (answer: string) => void>()
  #next = 0

  private constructor(socket: WebSocket, onNotice: (frame: string) => void) {
    this.#socket = socket
    this.#onNotice = onNotice
  }

  static connect(url: string, auth: object, onNotice: (frame: string) => void): Promise<SocketPeer> {
    const address = `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`
    const socket = new WebSocket(address, { perMessageDeflate: false })
    const peer = new SocketPeer(socket, onNotice)
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.on('message', data => {
        const frame = data.toString()
        if (frame.startsWith('0')) socket.send(`40${JSON.stringify(auth)}`)
        else if (frame.startsWith('40')) resolve(peer)
        else if (frame.startsWith('44')) reject(new Error(frame))
        else peer.#read(frame)
      })
    })
  }

  /** @returns the acknowledgement as it came, `[{"ok":true,...}]` */
  request(name: string, data: object): Promise<string> {
    const id = String(this.#next++)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, answer => {
        if (answer.startsWith('[{"ok":true')) resolve(answer)
        else reject(new Error(`${name}: ${answer}`))
      })
      this.#socket.send(`42${id}${JSON.stringify([name, data])}`)
    })
  }

  close(): void {
    this.#socket.terminate()
  }

  #read(frame: string): void {
    if (frame === '2') {
      this.#socket.send('3')
    } else if (frame.startsWith('43')) {
      const at = frame.indexOf('[')
      const id = frame.slice(2, at)
      this.#waiting.get(id)?.(frame.slice(at))
      this.#waiting.delete(id)
    } else if (frame.startsWith('42[')) {
      this.#onNotice(frame)
    }
  }
}

/** What was said, from the frame of an `event:appended`; undefined for other notices. */
export const textOfFrame = (frame: string): string | undefined => {
  const at = frame.indexOf('"text":"')
  return at < 0 ? undefined : frame.slice(at + 8, frame.indexOf('"', at + 8))
}
