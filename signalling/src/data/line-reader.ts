import { LIMITS, PortableLine, parse, TrunklineError } from '@trunkline/protocol'

export type ReadLine = {
  /** From 1. */
  n: number
  /** Of the byte after it: where reading continues. */
  end: number
  line: PortableLine
  /** As it stood there: what a schema does not keep apart is kept. */
  raw: unknown
}

const NEWLINE = 10

const fault = (n: number, message: string): TrunklineError =>
  new TrunklineError('invalid_request', `Line ${n}: ${message}`)

const read = (bytes: Buffer, n: number): { line: PortableLine; raw: unknown } => {
  let raw: unknown
  try {
    raw = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw fault(n, 'it is not JSON. The file must be JSON Lines, as an export is.')
  }
  return { line: parse(PortableLine, raw, `Line ${n}`), raw }
}

/**
 * Reads lines of JSON, one at a time, each checked.
 * @param from where the bytes begin, and which line that is
 * @throws TrunklineError `invalid_request` that names the line
 */
export async function* readLines(
  bytes: AsyncIterable<Uint8Array>,
  from: { n: number; offset: number } = { n: 1, offset: 0 },
): AsyncGenerator<ReadLine> {
  let { n, offset } = from
  let waiting: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    let begin = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, begin)) {
      const whole = Buffer.concat([...waiting, chunk.subarray(begin, at)])
      begin = at + 1
      waiting = []
      size = 0
      assertShort(whole.byteLength, n)
      offset += whole.byteLength + 1
      yield { n, end: offset, ...read(whole, n) }
      n++
    }
    const rest = chunk.subarray(begin)
    if (rest.byteLength > 0) waiting.push(rest)
    size += rest.byteLength
    assertShort(size, n)
  }
  if (size > 0) {
    const whole = Buffer.concat(waiting)
    yield { n, end: offset + size, ...read(whole, n) }
  }
}

const assertShort = (bytes: number, n: number): void => {
  if (bytes <= LIMITS.importLineBytes) return
  throw new TrunklineError('too_large', `Line ${n}: it is longer than ${LIMITS.importLineBytes} bytes.`, {
    details: { limit: LIMITS.importLineBytes },
  })
}
