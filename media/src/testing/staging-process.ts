import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom } from '../../../test/src/support/rounds.ts'
import { openStore, type StoreSettings } from '../store/open.ts'
import { contentOf, keyOf } from './staging-contents.ts'

// Uploads in a process of its own, for tests that kill it: node staging-process.ts SETTINGS SEED. Each line it writes is something
// that the store has answered for: "<id> created", "<id> <bytes>", "<id> promoted".
const [, , settings = '{}', seed = '0'] = process.argv
const { staging } = await openStore(JSON.parse(settings) as StoreSettings)
const say = (line: string): unknown => process.stdout.write(`${line}\n`)

const upload = async (id: string, random: () => number): Promise<void> => {
  const content = contentOf(id)
  await staging.create(id)
  say(`${id} created`)
  let size = 0
  while (size < content.byteLength) {
    const taken = content.subarray(size, size + 1 + Math.floor(random() * content.byteLength))
    const slowly = Readable.from(
      (async function* () {
        for (let at = 0; at < taken.byteLength; at += 256 * 1024) {
          yield taken.subarray(at, at + 256 * 1024)
          await sleep(random() * 3)
        }
      })(),
    )
    size = await staging.append(id, size, slowly)
    say(`${id} ${size}`)
  }
  await staging.promote(id, keyOf(id), { mime: 'application/octet-stream' })
  say(`${id} promoted`)
}

const writer = async (name: string, random: () => number): Promise<void> => {
  for (let n = 0; ; n++) await upload(`${seed}-${name}-${n}`, random)
}
// It ends with the test, however that ends.
process.stdin.on('end', () => process.exit()).resume()
await Promise.all(['a', 'b', 'c'].map((name, n) => writer(name, randomFrom(Number(seed) + n))))
