import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { client, xml } from '@xmpp/client'
import { freePort, scratchFolder } from '../server.ts'
import type { Engine } from './engine.ts'

type Stanza = ReturnType<typeof xml>

const HOST = 'localhost'
const ROOMS = `rooms.${HOST}`

const configuration = (folder: string, port: number, user: string) => `
pidfile = "${folder}/prosody.pid"
data_path = "${folder}/data"
plugin_paths = {}
prosody_user = "${user}"
run_as_root = true
modules_enabled = { "saslauth", "roster", "disco", "ping" }
modules_disabled = { "s2s", "tls", "offline", "posix" }
network_backend = "epoll"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
c2s_ports = { ${port} }
c2s_interfaces = { "127.0.0.1" }
storage = "internal"
archive_expires_after = "never"
storage_archive_item_limit = 10000000
log = { warn = "*console" }
VirtualHost "${HOST}"
  authentication = "anonymous"
Component "${ROOMS}" "muc"
  modules_enabled = { "muc_mam" }
  muc_log_by_default = true
  muc_log_all_rooms = true
  muc_room_locking = false
  max_history_messages = 0
  muc_room_default_history_length = 0
  muc_room_default_public = true
`

const reachable = async (port: number): Promise<void> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('Prosody did not open its port')
}

/** Debian's Prosody with group chats (XEP-0045) and their archive (XEP-0313), driven by @xmpp/client over TCP. */
export const startProsody = async (): Promise<Engine> => {
  const folder = scratchFolder()
  const port = await freePort()
  const config = join(folder.path, 'prosody.cfg.lua')
  writeFileSync(config, configuration(folder.path, port, process.env.USER ?? 'root'))
  const child = spawn('prosody', ['--config', config, '-F'], { stdio: ['ignore', 'inherit', 'inherit'] })
  const missing = once(child, 'error').then(() => {
    throw new Error(
      'Prosody is not installed: apt-get install --no-install-recommends prosody, then run this again.',
    )
  })
  await Promise.race([reachable(port), missing])
  const clients: ReturnType<typeof client>[] = []
  return {
    name: 'Prosody, MUC with archive',
    promise: 'written to a file, not synced',
    pid: child.pid ?? 0,
    connect: async ({ room, user, onText }) => {
      const xmpp = client({ service: `xmpp://127.0.0.1:${port}`, domain: HOST })
      xmpp.reconnect.stop()
      xmpp.on('error', () => undefined)
      const address = `room-${room}@${ROOMS}`
      const nick = `user-${user}`
      const waiting = new Map<string, () => void>()
      let onJoined: () => void = () => undefined
      const joined = new Promise<void>(resolve => {
        onJoined = resolve
      })
      xmpp.on('stanza', (stanza: Stanza) => {
        if (stanza.is('presence') && stanza.attrs.from === `${address}/${nick}`) onJoined()
        if (!stanza.is('message') || stanza.attrs.type !== 'groupchat') return
        const text = stanza.getChildText('body')
        if (text === null) return
        onText(text)
        // The room's own copy of what one said is its acknowledgement.
        if (stanza.attrs.from === `${address}/${nick}`) {
          waiting.get(stanza.attrs.id)?.()
          waiting.delete(stanza.attrs.id)
        }
      })
      await xmpp.start()
      clients.push(xmpp)
      await xmpp.send(
        xml('presence', { to: `${address}/${nick}` }, xml('x', { xmlns: 'http://jabber.org/protocol/muc' })),
      )
      await joined
      let sent = 0
      return {
        send: text => {
          const id = String(sent++)
          const said = new Promise<void>(resolve => waiting.set(id, resolve))
          void xmpp.send(xml('message', { to: address, type: 'groupchat', id }, xml('body', {}, text)))
          return said
        },
      }
    },
    close: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await Promise.allSettled(clients.map(xmpp => xmpp.stop()))
      folder.remove()
    },
  }
}
