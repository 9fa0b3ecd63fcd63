/** Everything `npm start` needs beside packages. Silent when it is all there. */
import { Display } from './display.ts'
import { START_PACKAGES } from './packages.ts'
import { writeStamp } from './stamp.ts'
import { provisionSystem } from './system.ts'

const since = new Date()
const { worker, complete } = await provisionSystem(START_PACKAGES, new Display())
if (worker && complete) writeStamp('start', worker, since)
