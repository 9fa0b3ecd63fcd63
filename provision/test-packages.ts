/** Everything `npm test` needs beside packages: what `npm start` needs, and what the tests use on top. */
import { Display } from './display.ts'
import { START_PACKAGES, TEST_PACKAGES } from './packages.ts'
import { writeStamp } from './stamp.ts'
import { provisionSystem } from './system.ts'

const since = new Date()
const packages = [...START_PACKAGES, ...TEST_PACKAGES]
const { worker, complete } = await provisionSystem({ packages, worker: true, demo: true }, new Display())
if (complete) {
  writeStamp('start', worker, since)
  writeStamp('test', worker, since)
}
