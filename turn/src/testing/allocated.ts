import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { REQUESTED_UDP, type TurnClient } from '../check/client.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE, attribute, CLASS, encodeMessage, integrityKey, METHOD } from '../stun/stun.ts'
import { allow, REALM, startClient, startPeer, startTurn } from './server.ts'

/** What tests relay. */
export const hello = Buffer.from('hello')

/** An Allocate signed with whatever is given. */
export const signedAllocate = (username: string, password: string, nonce: string): Buffer =>
  encodeMessage({
    method: METHOD.allocate,
    messageClass: CLASS.request,
    transactionId: randomBytes(12),
    attributes: [
      REQUESTED_UDP,
      attribute(ATTRIBUTE.username, Buffer.from(username)),
      attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
      attribute(ATTRIBUTE.nonce, Buffer.from(nonce)),
    ],
    key: integrityKey(username, REALM, password),
  })

/** The nonce a client is given with its first 401. */
export const firstNonce = async (client: TurnClient): Promise<string> => {
  const answer = await client.exchange(
    encodeMessage({
      method: METHOD.allocate,
      messageClass: CLASS.request,
      transactionId: randomBytes(12),
      attributes: [REQUESTED_UDP],
    }),
  )
  expect(answer.code).toBe(401)
  return answer.values.get(ATTRIBUTE.nonce)?.toString() ?? ''
}

/** An allocation that may talk to a fresh peer. */
export const allocated = async (options: Parameters<typeof startTurn>[0] = {}) => {
  const peer = await startPeer()
  const turn = await startTurn({ allowedPeers: allow(peer), ...options })
  const client = await startClient(turn)
  const answer = await client.allocate()
  expect(answer.code).toBe(0)
  const relayed = answer.address(ATTRIBUTE.xorRelayedAddress) as Endpoint
  return { peer, turn, client, answer, relayed }
}
