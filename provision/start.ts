/** Everything `npm start` needs beside packages, for the services it is to start. Silent when it is all there. */
import { Display } from './display.ts'
import { needsOf } from './needs.ts'
import { writeStamp } from './stamp.ts'
import { provisionSystem } from './system.ts'

const since = new Date()
const services = process.argv.slice(2).filter(word => word !== '--https')
const needs = needsOf(services)
if (needs) {
  const { worker, complete } = await provisionSystem(needs, new Display())
  // The name by which run.sh looks for it.
  if (complete) writeStamp(['start', ...services].join('-'), worker, since)
}
