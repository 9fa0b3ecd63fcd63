import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import type { PushMessage } from '@trunkline/protocol'
import type { Register } from './clean-ups.ts'

/** What a service answers in place of taking a push; with status 0, nothing at all. */
export type Refusal = { status: number; body?: unknown; retryAfter?: string }
type Headers = Record<string, string>

/** A claim as it was signed, checked against the key. @throws Error when it was not signed by it */
const claimsOf = (token: string, key: KeyObject, algorithm: 'ES256' | 'RS256') => {
  const [head = '', claims = '', signature = ''] = token.split('.')
  const signed = Buffer.from(`${head}.${claims}`)
  const given = Buffer.from(signature, 'base64url')
  const options = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key
  if (!verify('sha256', signed, options, given)) throw new Error('it was signed with another key')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  return { head: read(head), claims: read(claims) } as Record<'head' | 'claims', Record<string, unknown>>
}

const listen = async (
  register: Register,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> => {
  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      response.destroy(error)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  register(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const refuse = (response: ServerResponse, { status, body, retryAfter }: Refusal): void => {
  if (status === 0) return
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  })
  response.end(body === undefined ? '' : JSON.stringify(body))
}

/** A browser that subscribed: its keys, and what it makes of what it is sent. */
const newBrowser = (endpoint: string) => {
  const keys = createECDH('prime256v1')
  const own = keys.generateKeys()
  const auth = randomBytes(16)
  return {
    subscription: {
      endpoint,
      keys: { p256dh: own.toString('base64url'), auth: auth.toString('base64url') },
    },
    /** RFC 8291 over RFC 8188, by the letter and by nobody's library. */
    decrypt: (body: Buffer): PushMessage => {
      const salt = body.subarray(0, 16)
      const recordSize = body.readUInt32BE(16)
      const keyLength = body.readUInt8(20)
      const theirs = body.subarray(21, 21 + keyLength)
      const sealed = body.subarray(21 + keyLength)
      if (keyLength !== 65 || sealed.length > recordSize) throw new Error('this is no single record')
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), own, theirs])
      const ikm = Buffer.from(hkdfSync('sha256', keys.computeSecret(theirs), auth, info, 32))
      const derive = (what: string, bytes: number) =>
        Buffer.from(hkdfSync('sha256', ikm, salt, Buffer.from(`Content-Encoding: ${what}\0`), bytes))
      const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12))
      decipher.setAuthTag(sealed.subarray(-16))
      const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
      const end = padded.findLastIndex(byte => byte !== 0)
      if (padded[end] !== 2) throw new Error('the record does not end as the last one does')
      return JSON.parse(padded.subarray(0, end).toString('utf8'))
    },
  }
}

/** What a browser gives an app that subscribed to some push service: real keys, and nobody who reads. */
export const subscriptionAt = (endpoint: string) => newBrowser(endpoint).subscription

export type WebPushed = { at: number; headers: Headers; message: PushMessage }

/** A push service of browsers (RFC 8030), which takes nothing that is not signed by the key it was subscribed with (RFC 8292). */
export const startWebPushService = async (register: Register, vapidPublicKey: () => string) => {
  const browsers = new Map<string, ReturnType<typeof newBrowser>>()
  const pushed = new Map<string, WebPushed[]>()
  const refusals = new Map<string, Refusal[]>()
  const url = await listen(register, async (request, response) => {
    const body = await buffer(request)
    const path = request.url ?? ''
    const headers = request.headers as Headers
    const browser = browsers.get(path)
    if (!browser) return refuse(response, { status: 404 })
    const [, token = '', key = ''] = /^vapid t=([^,]+), k=(\S+)$/.exec(headers.authorization ?? '') ?? []
    const point = Buffer.from(vapidPublicKey(), 'base64url')
    const publicKey = createPublicKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: point.subarray(1, 33).toString('base64url'),
        y: point.subarray(33).toString('base64url'),
      },
    })
    const { claims } = claimsOf(token, publicKey, 'ES256')
    const left = Number(claims.exp) - Date.now() / 1_000
    const isOurs = key === vapidPublicKey() && claims.aud === url && left > 0 && left <= 24 * 3_600
    if (!isOurs || !/^(mailto|https):/.test(String(claims.sub))) return refuse(response, { status: 403 })
    if (headers['content-encoding'] !== 'aes128gcm' || body.length > 4_096) {
      return refuse(response, { status: 415 })
    }
    const list = pushed.get(path) ?? []
    pushed.set(path, [...list, { at: Date.now(), headers, message: browser.decrypt(body) }])
    const refusal = refusals.get(path)?.shift()
    if (refusal) return refuse(response, refusal)
    response.writeHead(201).end()
  })
  return {
    /** A browser that is subscribed here. */
    subscribe: (name: string) => {
      const browser = newBrowser(`${url}/${name}`)
      browsers.set(`/${name}`, browser)
      return browser.subscription
    },
    /** What it was sent so far, taken or not. */
    pushed: (name: string): readonly WebPushed[] => pushed.get(`/${name}`) ?? [],
    /** How the next pushes to it are answered. */
    refuse: (name: string, ...next: Refusal[]) => void refusals.set(`/${name}`, next),
  }
}

export type ApnsPushed = { at: number; path: string; headers: Headers; body: Record<string, unknown> }

/** Speaks for Apple: HTTP/2, and a token of the operator's in each request. */
export const startApns = async (register: Register) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pushed: ApnsPushed[] = []
  const refusals = new Map<string, Refusal[]>()
  const tokens = new Set<string>()
  const seen = { sessions: 0 }
  const server = http2.createServer()
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', session => {
    seen.sessions += 1
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    const answer = (status: number, more: Headers = {}, body = '') => {
      stream.respond({ ':status': status, ...more })
      stream.end(body)
    }
    const serve = async () => {
      const body = await text(stream)
      const path = String(headers[':path'])
      const bearer = String(headers.authorization).replace(/^bearer /, '')
      const { head, claims } = claimsOf(bearer, publicKey, 'ES256')
      const age = Date.now() / 1_000 - Number(claims.iat)
      if (head.kid !== 'KEY1234567' || claims.iss !== 'TEAM123456' || age > 3_600) {
        return answer(403, {}, JSON.stringify({ reason: 'InvalidProviderToken' }))
      }
      tokens.add(bearer)
      pushed.push({ at: Date.now(), path, headers: headers as Headers, body: JSON.parse(body) })
      const refusal = refusals.get(path.replace('/3/device/', ''))?.shift()
      if (!refusal) return answer(200)
      const { status, body: why, retryAfter } = refusal
      answer(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }, JSON.stringify(why))
    }
    serve().catch(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  register(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return {
    key: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      key: pem,
      keyId: 'KEY1234567',
      teamId: 'TEAM123456',
    },
    seen,
    tokens,
    pushed: (token: string) => pushed.filter(({ path }) => path === `/3/device/${token}`),
    refuse: (token: string, ...next: Refusal[]) => void refusals.set(token, next),
  }
}

/** Speaks for Google: signing in by a service account, and FCM's HTTP v1. */
export const startFcm = async (register: Register) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages freely.
  const pushed: { at: number; message: any }[] = []
  const refusals = new Map<string, Refusal[]>()
  const seen = { signIns: 0, good: '' }
  const account = { project_id: 'wards', client_email: 'trunkline@wards.iam.gserviceaccount.com' }
  const url = await listen(register, async (request, response) => {
    const body = await text(request)
    if (request.url === '/token') {
      const form = new URLSearchParams(body)
      const { claims } = claimsOf(form.get('assertion') ?? '', publicKey, 'RS256')
      const isRight =
        claims.iss === account.client_email &&
        claims.aud === `${url}/token` &&
        claims.scope === 'https://www.googleapis.com/auth/firebase.messaging' &&
        form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer'
      if (!isRight) return refuse(response, { status: 400, body: { error: 'invalid_grant' } })
      seen.signIns += 1
      seen.good = `token-${seen.signIns}`
      response.end(JSON.stringify({ access_token: seen.good, expires_in: 3_599, token_type: 'Bearer' }))
      return
    }
    if (request.url !== `/v1/projects/${account.project_id}/messages:send`) {
      return refuse(response, { status: 404 })
    }
    if (request.headers.authorization !== `Bearer ${seen.good}`) {
      return refuse(response, { status: 401, body: { error: { status: 'UNAUTHENTICATED' } } })
    }
    const { message } = JSON.parse(body)
    // https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message
    const isReserved = (key: string) => key === 'from' || key === 'message_type' || /^(google|gcm)/.test(key)
    const values = Object.entries(message.data)
    if (values.some(([key, value]) => isReserved(key) || typeof value !== 'string')) {
      return refuse(response, fcmFault(400, 'INVALID_ARGUMENT'))
    }
    pushed.push({ at: Date.now(), message })
    const refusal = refusals.get(message.token)?.shift()
    if (refusal) return refuse(response, refusal)
    response.end(JSON.stringify({ name: 'projects/wards/messages/1' }))
  })
  return {
    url,
    account: {
      ...account,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      token_uri: `${url}/token`,
    },
    seen,
    pushed: (token: string) => pushed.filter(({ message }) => message.token === token),
    refuse: (token: string, ...next: Refusal[]) => void refusals.set(token, next),
  }
}

/** What FCM says of a fault. */
export const fcmFault = (status: number, code: string, retryAfter?: string): Refusal => ({
  status,
  body: {
    error: {
      code: status,
      status: code,
      details: [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: code }],
    },
  },
  ...(retryAfter !== undefined && { retryAfter }),
})

export type Provided = { headers: Headers; body: string }

/** Who sends e-mail and SMS for the operator. */
export const startProvider = async (register: Register) => {
  const provided: Provided[] = []
  const url = await listen(register, async (request, response) => {
    provided.push({ headers: request.headers as Headers, body: await text(request) })
    response.end()
  })
  return { url, provided }
}
