import { parentPort, workerData } from 'node:worker_threads'
import { Encoder } from './encoder.ts'
import type { LiveTask, LiveTold, LiveWork } from './live-thread.ts'
import { RtmpSender } from './rtmp-sender.ts'
import { Show } from './show.ts'

// What runs in the thread of a stream: beside 25 pictures a second nothing else would be done in time.

const { program, layout, folder, rtmp, allowsPrivate, notes, ms } = workerData as LiveWork

const tell = (told: LiveTold): void => parentPort?.postMessage(told)

const sender =
  rtmp === undefined
    ? undefined
    : new RtmpSender({
        ...{ program, url: rtmp, allowsPrivate, folder },
        onState: (state, reason) => tell({ type: 'state', state, reason }),
      })
let sending = Promise.resolve()
const encoder = new Encoder({
  program,
  folder,
  onSegment: ({ bytes, seconds }) => {
    // One after the other, and none waits for a service before it is handed out.
    sending = sending.then(() => sender?.push(bytes)).catch(() => undefined)
    tell({ type: 'segment', bytes, seconds })
  },
})
const show = new Show({
  program,
  layout,
  folder,
  onFrame: (picture, sound) => encoder.write(picture, sound),
  onFault: (error, what) => tell({ type: 'fault', what, message: String(error) }),
})
show.restore(notes, ms)

const work = async (task: LiveTask): Promise<void> => {
  if (task.type === 'part') {
    await show.push(task.bytes, task.isSkipped)
    tell({ type: 'taken', ms: show.latestMs, notes: show.notes() })
    return
  }
  await show.end()
  show.close()
  await encoder.end()
  await sending
  await sender?.end()
  tell({ type: 'over' })
}

let working = Promise.resolve()
parentPort?.on('message', (task: LiveTask) => {
  working = working
    .then(() => work(task))
    .catch((error: unknown) => {
      // As it was not caught: the thread ends, and with it what it started.
      setImmediate(() => {
        throw error
      })
    })
})
