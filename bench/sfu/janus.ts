import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { freePort, scratchFolder } from '../server.ts'
import type { Engine, Party, PartyOptions } from './engine.ts'
import { Receiver, Sender } from './peer.ts'

const LIBRARY = '/usr/lib/x86_64-linux-gnu/janus'
/** A session ends after a minute without a word. */
const KEEP_ALIVE_MS = 25_000

type Jsep = { type: 'offer' | 'answer'; sdp: string }
type Answer = {
  janus: string
  transaction?: string
  data?: { id: number }
  plugindata?: { data: { videoroom?: string; id?: number; error?: string } }
  jsep?: Jsep
  error?: { reason: string }
}

/** Janus over its WebSocket: https://janus.conf.meetecho.com/docs/rest.html */
class JanusSession {
  readonly #socket: WebSocket
  readonly #pending = new Map<string, (answer: Answer) => void>()
  readonly #timer: NodeJS.Timeout
  #transactions = 0
  #sessionId: number | undefined

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', data => {
      const answer = JSON.parse(String(data)) as Answer
      // What a plugin does comes after its acknowledgement.
      if (answer.janus === 'ack') return
      this.#pending.get(answer.transaction ?? '')?.(answer)
    })
    this.#timer = setInterval(() => void this.ask({ janus: 'keepalive' }), KEEP_ALIVE_MS)
  }

  static async open(url: string): Promise<JanusSession> {
    const socket = new WebSocket(url, 'janus-protocol')
    await once(socket, 'open')
    const session = new JanusSession(socket)
    const { data } = await session.ask({ janus: 'create' })
    session.#sessionId = data?.id
    return session
  }

  /** @throws Error what Janus or its plugin refused */
  async ask(request: { janus: string } & Record<string, unknown>): Promise<Answer> {
    const transaction = String(++this.#transactions)
    const answered = new Promise<Answer>(resolve => this.#pending.set(transaction, resolve))
    this.#socket.send(JSON.stringify({ ...request, transaction, session_id: this.#sessionId }))
    // A keep-alive is only acknowledged.
    if (request.janus === 'keepalive') return { janus: 'ack' }
    const answer = await answered
    this.#pending.delete(transaction)
    const fault = answer.error?.reason ?? answer.plugindata?.data.error
    if (fault) throw new Error(`Janus: ${fault}`)
    return answer
  }

  async attach(): Promise<JanusHandle> {
    const { data } = await this.ask({ janus: 'attach', plugin: 'janus.plugin.videoroom' })
    return new JanusHandle(this, data?.id ?? 0)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.close()
  }
}

/** One peer's place in the video room plugin: https://janus.conf.meetecho.com/docs/videoroom.html */
class JanusHandle {
  readonly #session: JanusSession
  readonly #id: number

  constructor(session: JanusSession, id: number) {
    this.#session = session
    this.#id = id
  }

  message(body: Record<string, unknown>, jsep?: Jsep): Promise<Answer> {
    return this.#session.ask({ janus: 'message', handle_id: this.#id, body, ...(jsep && { jsep }) })
  }

  detach(): Promise<Answer> {
    return this.#session.ask({ janus: 'detach', handle_id: this.#id })
  }
}

const config = (folder: string, address: string, port: number) => {
  const files: Record<string, string> = {
    'janus.jcfg': `general: {
      configs_folder = "${folder}"
      plugins_folder = "${LIBRARY}/plugins"
      transports_folder = "${LIBRARY}/transports"
      events_folder = "${LIBRARY}/events"
      loggers_folder = "${LIBRARY}/loggers"
      debug_level = 2
    }
    nat: { ice_enforce_list = "${address}" }
    plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so" }
    transports: { disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }
    `,
    'janus.transport.websockets.jcfg': `general: { json = "plain" ws = true ws_port = ${port} ws_ip = "${address}" wss = false }
    admin: { admin_ws = false admin_wss = false }
    `,
    'janus.plugin.videoroom.jcfg': 'general: { events = false }\n',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
}

/** Debian's Janus with its video room, as it comes: a thread for each peer. */
export const startJanus = async (address: string): Promise<Engine> => {
  const folder = scratchFolder()
  const port = await freePort()
  config(folder.path, address, port)
  const child = spawn('janus', ['--configs-folder', folder.path], { stdio: 'ignore' })
  const kill = () => child.kill()
  process.once('exit', kill)
  await once(child, 'spawn').catch(() => {
    throw new Error(
      'Janus is not installed: apt-get install --no-install-recommends janus, then run this again.',
    )
  })
  const url = `ws://${address}:${port}`
  const session = await whenUp(() => JanusSession.open(url))
  const admin = await session.attach()
  let rooms = 0

  const open = async ({ senders, receivers, onPacket }: PartyOptions): Promise<Party> => {
    const room = ++rooms
    await admin.message({
      request: 'create',
      room,
      publishers: senders,
      bitrate: 0,
      fir_freq: 0,
      videocodec: 'vp8',
      transport_wide_cc_ext: false,
      playoutdelay_ext: false,
      videoorient_ext: false,
    })
    const handles: JanusHandle[] = []
    const party: Party = {
      senders: [],
      receivers: [],
      close: async () => {
        for (const peer of [...party.senders, ...party.receivers]) peer.close()
        for (const handle of handles) await handle.detach()
        await admin.message({ request: 'destroy', room })
      },
    }
    const feeds: number[] = []
    for (let n = 0; n < senders; n++) {
      const handle = await session.attach()
      handles.push(handle)
      const joined = await handle.message({ request: 'join', ptype: 'publisher', room })
      feeds.push(joined.plugindata?.data.id ?? 0)
      const sender = await Sender.connect(address, 1_000 + n, async sdp => {
        const configured = await handle.message({ request: 'configure', video: true }, { type: 'offer', sdp })
        return configured.jsep?.sdp ?? ''
      })
      party.senders.push(sender)
    }
    for (let n = 0; n < receivers; n++) {
      const streams = feeds.filter((_, i) => i !== n).map(feed => ({ feed }))
      if (streams.length === 0) continue
      const handle = await session.attach()
      handles.push(handle)
      const attached = await handle.message({ request: 'join', ptype: 'subscriber', room, streams })
      const offer = attached.jsep?.sdp ?? ''
      const receiver = await Receiver.connect(address, offer, onPacket, async sdp => {
        await handle.message({ request: 'start' }, { type: 'answer', sdp })
      })
      party.receivers.push(receiver)
    }
    return party
  }

  return {
    name: 'Janus',
    pids: [child.pid ?? 0],
    open,
    close: async () => {
      session.close()
      process.off('exit', kill)
      child.kill()
      await once(child, 'exit')
      folder.remove()
    },
  }
}

/** Tries for five seconds. */
const whenUp = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries === 50) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}
