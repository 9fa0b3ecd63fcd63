// Reminds people of appointments: /appointment. Node >= 22.18 runs it as it is: node reminder-bot.ts
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

const { TRUNKLINE_URL = 'http://127.0.0.1:3000', BOT_TOKEN, BOT_SECRET } = process.env
const { HOST = '127.0.0.1', PORT = '8080', BOT_ID = 'reminder' } = process.env
if (!BOT_SECRET) throw new Error('BOT_SECRET is missing: anybody could ask this bot')
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
  if (type === 'button.pressed') await api('DELETE', `${waiting}/${data.message.metadata.scheduleId}`)
  if (type === 'button.pressed') return { update: { text: 'Cancelled.' } }
  const { what, at, minutes = 60 } = data.values
  const sendAt = new Date(Date.parse(at) - minutes * 60_000).toISOString()
  const reminder = { sendAt, text: `${user.name}, a reminder: ${what}, ${at}.`, mentions: [user.id] }
  const kept = await api('POST', waiting, { ...reminder, clientId: id }) // the same when asked again: sent once
  return { update: { text: `${what}, ${at}: noted.`, metadata: { scheduleId: kept.id }, controls } }
}

const isSigned = ({ headers }: IncomingMessage, body: string): boolean => {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': given } = headers
  const hmac = createHmac('sha256', Buffer.from(BOT_SECRET.replace('whsec_', ''), 'base64'))
  const own = Buffer.from(`v1,${hmac.update(`${id}.${at}.${body}`).digest('base64')}`)
  const isOwn = (one: Buffer) => one.length === own.length && timingSafeEqual(one, own)
  const isNew = Math.abs(Date.now() / 1000 - Number(at)) < 300
  return isNew && `${given}`.split(' ').some(one => isOwn(Buffer.from(one)))
}

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await text(request)
  if (!isSigned(request, body)) return void response.writeHead(401).end()
  response.end(JSON.stringify(await answer(body).catch(error => ({ text: error.message, ephemeral: true }))))
}
const server = createServer((asked, answered) => void serve(asked, answered).catch(() => answered.destroy()))
server.listen(Number(PORT), HOST)
const commands = [{ name: 'appointment', description: 'Be reminded of one' }]
await api('PUT', `/bots/${BOT_ID}/commands`, { commands })
console.log('ready')
