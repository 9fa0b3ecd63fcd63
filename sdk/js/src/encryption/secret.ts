import { concat, hkdf } from './sframe.ts'

/** What every key of a call is derived from. Whoever has it can read everything that is sent with it. */
export type Secret = {
  bytes: Uint8Array
  /** 24 bits that tell one secret from another, in the key id of every frame. They say nothing else of it. */
  print: number
}

const SECRET_BITS = 256
const encoder = new TextEncoder()
const labelled = (label: string) => encoder.encode(`trunkline ${label}`)

export const secretOf = async (bytes: Uint8Array): Promise<Secret> => {
  const [high = 0, middle = 0, low = 0] = await hkdf(bytes, labelled('print'), 24)
  return { bytes, print: (high << 16) | (middle << 8) | low }
}

/** The next one: whoever is given it cannot find the one before. */
export const ratchet = async ({ bytes }: Secret): Promise<Secret> =>
  secretOf(await hkdf(bytes, labelled('ratchet'), SECRET_BITS))

/**
 * What the keys of one sender's stream are derived from.
 * @param stream a track's source, or a delivery of data
 */
export const senderKey = ({ bytes }: Secret, participantId: string, stream: string): Promise<Uint8Array> =>
  hkdf(
    bytes,
    concat(labelled('sender '), encoder.encode(JSON.stringify([participantId, stream]))),
    SECRET_BITS,
  )
