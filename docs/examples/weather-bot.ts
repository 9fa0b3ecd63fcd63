// Says how warm it is: /weather Oslo, or Oslo with a mention. Node >= 22.18 runs it as it is: node weather-bot.ts
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

const { TRUNKLINE_URL = 'http://127.0.0.1:3000', BOT_TOKEN, BOT_SECRET = '' } = process.env
const { WEATHER_URL = 'https://api.open-meteo.com/v1', PORT = '8080' } = process.env
const { PLACES_URL = 'https://geocoding-api.open-meteo.com/v1', BOT_ID = 'weather' } = process.env

type Place = { name: string; country: string; latitude: number; longitude: number }
const places = async (name: string, count: number): Promise<Place[]> => {
  const found = await fetch(`${PLACES_URL}/search?count=${count}&name=${encodeURIComponent(name)}`)
  return (await found.json()).results ?? []
}

const report = async (name: string) => {
  const [place] = await places(name, 1)
  if (!place) return { text: `I know no place called ${name}.` }
  const where = `latitude=${place.latitude}&longitude=${place.longitude}`
  const { current } = await (await fetch(`${WEATHER_URL}/forecast?current=temperature_2m&${where}`)).json()
  const controls = [{ type: 'button', id: 'again', label: 'Again' }]
  return { text: `${place.name}: ${current.temperature_2m} °C`, metadata: { name }, controls }
}

const answer = async (body: string): Promise<object> => {
  const { type, data } = JSON.parse(body)
  if (type === 'command.run') return report(data.arguments.place)
  if (type === 'button.pressed') return { update: await report(data.message.metadata.name) }
  if (type === 'message.created') return report(data.data.parts[0].text.replace(/@\w+/g, '').trim())
  const found = await places(data.text || 'A', 5)
  return { choices: found.map(({ name, country }) => ({ value: name, label: `${name}, ${country}` })) }
}

// https://www.standardwebhooks.com: every language has a package for this.
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
  const said = isOurs ? await answer(body).catch(error => ({ text: `I cannot say: ${error.message}` })) : {}
  response.writeHead(isOurs ? 200 : 401).end(JSON.stringify(said))
}
createServer((request, response) => void serve(request, response)).listen(Number(PORT))

const place = { kind: 'text', name: 'place', required: true, completes: true }
const commands = [{ name: 'weather', description: 'How warm it is somewhere', arguments: [place] }]
const headers = { authorization: `Bearer ${BOT_TOKEN}`, 'content-type': 'application/json' }
const options = { method: 'PUT', headers, body: JSON.stringify({ commands }) }
const set = await fetch(`${TRUNKLINE_URL}/v1/bots/${BOT_ID}/commands`, options)
console.log(set.ok ? 'ready' : await set.text())
