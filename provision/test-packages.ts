/** Everything `npm test` needs beside packages: what `npm start` needs, and what the tests use on top. */
import { Display } from './display.ts'
import { START_PACKAGES, TEST_PACKAGES } from './packages.ts'
import { writeStamp } from './stamp.ts'
import { provisionSystem } from './system.ts'

const since = new Date()
const { worker, complete } = await provisionSystem([...START_PACKAGES, ...TEST_PACKAGES], new Display())
if (worker && complete) {
  writeStamp('start', worker, since)
  writeStamp('test', worker, since)
}
