// Says how warm it is: /weather Oslo days:3, or Oslo with a mention. Node >= 22.18 runs it as it is: node weather-bot.ts
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

const { TRUNKLINE_URL = 'http://127.0.0.1:3000', BOT_TOKEN, BOT_SECRET, BOT_ID = 'weather' } = process.env
const { WEATHER_URL = 'https://api.open-meteo.com/v1', HOST = '127.0.0.1', PORT = '8080' } = process.env
const { PLACES_URL = 'https://geocoding-api.open-meteo.com/v1' } = process.env
if (!BOT_SECRET) throw new Error('BOT_SECRET is missing: anybody could ask this bot')

const ask = async (url: string) => (await fetch(url, { signal: AbortSignal.timeout(1_800) })).json() // 2 s at most
type Place = { name: string; country: string; latitude: number; longitude: number }
const places = async (name: string, count: number): Promise<Place[]> =>
  (await ask(`${PLACES_URL}/search?count=${count}&name=${encodeURIComponent(name)}`)).results ?? []

const report = async (name: string, days = 1) => {
  const [found] = await places(name, 1)
  if (!found) return { text: `I know no place called ${name}.` }
  const where = `latitude=${found.latitude}&longitude=${found.longitude}&timezone=auto&forecast_days=${days}`
  const now = await ask(`${WEATHER_URL}/forecast?current=temperature_2m&daily=temperature_2m_max&${where}`)
  const ahead = days > 1 ? `, at most ${now.daily.temperature_2m_max.join(', ')} °C day by day` : ''
  const said = `${found.name}: ${now.current.temperature_2m} °C${ahead}`
  const controls = [{ type: 'button', id: 'again', label: 'Again' }]
  return { text: said, metadata: { place: name, days }, controls }
}

const answer = async (body: string): Promise<object> => {
  const { type, data } = JSON.parse(body)
  const { place, days } = data.arguments ?? data.message?.metadata ?? {}
  if (type === 'command.run') return report(place, days)
  if (type === 'button.pressed') return { update: await report(place, days) }
  if (type === 'message.created') return report((data.data.parts[0]?.text ?? '').replace(/@\w+/g, '').trim())
  const found = await places(data.text || 'A', 5).catch(() => [])
  return { choices: found.map(({ name, country }) => ({ value: name, label: `${name}, ${country}` })) }
}

const isSigned = ({ headers }: IncomingMessage, body: string): boolean => {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': given } = headers
  const hmac = createHmac('sha256', Buffer.from(BOT_SECRET.replace('whsec_', ''), 'base64'))
  const own = Buffer.from(`v1,${hmac.update(`${id}.${at}.${body}`).digest('base64')}`)
  const isOwn = (one: Buffer) => one.length === own.length && timingSafeEqual(one, own)
  const isNew = Math.abs(Date.now() / 1000 - Number(at)) < 300
  return isNew && `${given}`.split(' ').some(one => isOwn(Buffer.from(one))) // standardwebhooks.com has packages for this
}

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await text(request)
  if (!isSigned(request, body)) return void response.writeHead(401).end()
  response.end(JSON.stringify(await answer(body).catch(() => ({ text: 'The weather is out of reach.' }))))
}
const server = createServer((asked, answered) => void serve(asked, answered).catch(() => answered.destroy()))
server.listen(Number(PORT), HOST)
const place = { kind: 'text', name: 'place', required: true, completes: true }
const days = { kind: 'number', name: 'days', whole: true, min: 1, max: 7 }
const weather = { name: 'weather', description: 'How warm it is', arguments: [place, days] }
const body = JSON.stringify({ commands: [weather] })
const headers = { authorization: `Bearer ${BOT_TOKEN}`, 'content-type': 'application/json' }
const set = await fetch(`${TRUNKLINE_URL}/v1/bots/${BOT_ID}/commands`, { method: 'PUT', headers, body })
console.log(set.ok ? 'ready' : await set.text())
