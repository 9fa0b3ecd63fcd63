import { createHash, createHmac } from 'node:crypto'
import { API_KEY } from './support/server.ts'

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Id of the key that `TRUNKLINE_API_KEY` presets. */
export const API_KEY_ID = `key_${createHash('sha256').update(API_KEY).digest('hex').slice(0, 12)}`

/** A JWT with whatever header and claims; HS256 unless the secret is undefined: then without a signature. */
export const jwt = (header: object, claims: object, secret: string | undefined = API_KEY): string => {
  const content = `${base64url(header)}.${base64url(claims)}`
  const signature =
    secret === undefined ? '' : createHmac('sha256', secret).update(content).digest('base64url')
  return `${content}.${signature}`
}

const header = { alg: 'HS256', kid: API_KEY_ID }
const exp = () => Math.floor(Date.now() / 1_000) + 600
const claims = (extra: object = {}) => ({ sub: 'mallory', exp: exp(), ...extra })

/** Tokens that open nothing, by what is wrong with them, and the code each is refused with. */
export const badTokens = (): [what: string, token: string, code: string][] => [
  ['expired', jwt(header, claims({ exp: exp() - 3_600 })), 'token_expired'],
  ['signed by another key', jwt(header, claims(), 'not-the-secret'), 'token_signature'],
  ['of a key that is not', jwt({ alg: 'HS256', kid: 'key_000000000000' }, claims()), 'token_signature'],
  ['of a key named __proto__', jwt({ alg: 'HS256', kid: '__proto__' }, claims()), 'token_signature'],
  ['of a key with a NUL', jwt({ alg: 'HS256', kid: 'a\u0000b' }, claims()), 'token_signature'],
  ['of a key with half a character', jwt({ alg: 'HS256', kid: '\ud800' }, claims()), 'token_signature'],
  ['without a key', jwt({ alg: 'HS256' }, claims()), 'token_malformed'],
  ['of a key that is a number', jwt({ alg: 'HS256', kid: 7 }, claims()), 'token_malformed'],
  ['unsigned', jwt({ alg: 'none', kid: API_KEY_ID }, claims(), undefined), 'token_malformed'],
  ['unsigned as ours', jwt({ alg: 'none', kid: 'trunkline' }, claims(), undefined), 'token_malformed'],
  ['of another algorithm', jwt({ alg: 'HS512', kid: API_KEY_ID }, claims()), 'token_malformed'],
  ['of an algorithm with two keys', jwt({ alg: 'RS256', kid: API_KEY_ID }, claims()), 'token_malformed'],
  ['signed as ours with the API key', jwt({ alg: 'HS256', kid: 'trunkline' }, claims()), 'token_signature'],
  ['without its signature', jwt(header, claims()).replace(/[^.]+$/, ''), 'token_signature'],
  ['without an end', jwt(header, { sub: 'mallory' }), 'token_malformed'],
  ['of a bad end', jwt(header, claims({ exp: 'tomorrow' })), 'token_malformed'],
  ['of nobody', jwt(header, { exp: exp() }), 'token_malformed'],
  ['of a prototype', jwt(header, claims({ sub: '__proto__' })), 'token_malformed'],
  ['of a user with a NUL', jwt(header, claims({ sub: 'a\u0000' })), 'token_malformed'],
  ['with a broken name', jwt(header, claims({ name: '\ud800' })), 'token_malformed'],
  ['with rooms that are a list', jwt(header, claims({ rooms: ['room-1'] })), 'token_malformed'],
  ['with a role that is not', jwt(header, claims({ rooms: { 'room-1': 'emperor' } })), 'token_malformed'],
  ['of two parts', 'a.b', 'token_malformed'],
  ['of no JSON', 'a.b.c', 'token_malformed'],
  ['a word', 'password', 'token_malformed'],
  ['the key without its end', API_KEY.slice(0, -1), 'token_malformed'],
  ['long', 'x'.repeat(8_000), 'token_malformed'],
]
