import { request as requestByHttp } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { text } from 'node:stream/consumers'

const PROBE_MS = 1_000

type Place = { address: string; port: number }
type Asked = {
  scheme: 'http' | 'https'
  method?: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  body?: string
  timeoutMs: number
}

/** Where what listens on this address of this machine is reached from here. */
const hostOf = (address: string): string =>
  address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address

/**
 * Asks the server of this machine something. Whatever certificate it has is taken: it is made for the names that others
 * reach it by.
 */
export const askHere = ({ address, port }: Place, asked: Asked): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { scheme, method = 'GET', path, headers = {}, body, timeoutMs } = asked
    const send = scheme === 'http' ? requestByHttp : requestByHttps
    const options = { host: hostOf(address), port, path, method, headers, rejectUnauthorized: false }
    const request = send({ ...options, timeout: timeoutMs }, response => {
      text(response).then(body => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    request.on('error', reject)
    request.end(body)
  })

/** How a Trunkline answers there already, by whatever certificate. */
export const findRunning = async (place: Place): Promise<'http' | 'https' | undefined> => {
  for (const scheme of ['http', 'https'] as const) {
    const { body } = await askHere(place, { scheme, path: '/healthz', timeoutMs: PROBE_MS }).catch(() => ({
      body: '',
    }))
    if (body.includes('"status":"ok"')) return scheme
  }
  return undefined
}
