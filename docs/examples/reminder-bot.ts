// Reminds people of appointments: /appointment. Node >= 22.18 runs it as it is: node reminder-bot.ts
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

const { TRUNKLINE_URL = 'http://127.0.0.1:3000', BOT_TOKEN, BOT_SECRET = '' } = process.env
const headers = { authorization: `Bearer ${BOT_TOKEN}`, 'content-type': 'application/json' }

/** Asks the server in the bot's own name, and with its rights. */
const api = async (method: string, path: string, body?: object) => {
  const response = await fetch(`${TRUNKLINE_URL}/v1${path}`, { method, headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.detail)
  return answer
}

const fields = [
  { kind: 'text', name: 'what', label: 'What', required: true, maxChars: 80 },
  { kind: 'time', name: 'at', label: 'When', required: true },
  { kind: 'number', name: 'minutes', label: 'Minutes before', min: 0, max: 10_080, whole: true },
]
const form = { type: 'form', id: 'new', label: 'Make an appointment', submit: 'Remind me', fields }
const controls = [{ type: 'button', id: 'cancel', label: 'Cancel', style: 'danger' }]

const answer = async (body: string): Promise<object> => {
  const { id, type, data, user, room } = JSON.parse(body)
  const waiting = `/rooms/${room.id}/scheduled-messages`
  if (type === 'command.run') return { text: 'When is it?', controls: [form] }
  if (type === 'message.created') return { text: 'Say /appointment, and I remind you of it.' }
  if (type === 'button.pressed') {
    await api('DELETE', `${waiting}/${data.message.metadata.scheduleId}`)
    return { update: { text: 'Cancelled.' } }
  }
  const { what, at, minutes = 60 } = data.values
  const sendAt = new Date(Date.parse(at) - minutes * 60_000).toISOString()
  const reminder = { sendAt, text: `${user.name}, a reminder: ${what}, ${at}.`, mentions: [user.id] }
  // The same clientId each time this is asked: it is sent once.
  const kept = await api('POST', waiting, { ...reminder, clientId: id })
  return { update: { text: `${what}, ${at}: noted.`, metadata: { scheduleId: kept.id }, controls } }
}

const isSigned = ({ headers }: IncomingMessage, body: string): boolean => {
  const key = Buffer.from(BOT_SECRET.replace('whsec_', ''), 'base64')
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const own = Buffer.from(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
  const given = String(headers['webhook-signature']).split(' ')
  return given.some(one => one.length === own.length && timingSafeEqual(Buffer.from(one), own))
}

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await text(request)
  const isOurs = isSigned(request, body)
  const said = isOurs ? await answer(body).catch(error => ({ text: error.message, ephemeral: true })) : {}
  response.writeHead(isOurs ? 200 : 401).end(JSON.stringify(said))
}
createServer((request, response) => void serve(request, response)).listen(Number(process.env.PORT ?? 8080))
const commands = [{ name: 'appointment', description: 'Be reminded of one' }]
await api('PUT', `/bots/${process.env.BOT_ID ?? 'reminder'}/commands`, { commands })
console.log('ready')
