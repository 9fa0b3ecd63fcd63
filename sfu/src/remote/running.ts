import { Transform, type TransformCallback } from 'node:stream'
import { Builder, ByteBuffer } from 'flatbuffers'

/*
 * The first thing a worker says is that it runs, and it signs that with the number of its process. The engine waits for
 * the number of the process it has started itself: of the tunnel, where the worker is on another machine. So this one
 * message is written anew; nothing else a worker says bears its number. Numbers of fields and members as in
 * node_modules/mediasoup/worker/fbs, message.fbs and notification.fbs.
 */

/** `Message`: a union, whose first slot says what it is. */
const MESSAGE = { slots: 2, dataType: 0, data: 1, notification: 3 }
/** `Notification`; the union `body` after these stays empty here. */
const NOTIFICATION = { slots: 4, handlerId: 0, event: 1, workerRunning: 4 }
/** Each message is behind its length, in the order of bytes of the machine: of every machine Node runs on but IBM's large ones. */
const LENGTH_BYTES = 4
/** A worker that says so much and not that it runs is none. */
const MOST_BYTES = 1024 * 1024

/** Place of a field in a table's directory of fields. */
const slot = (index: number): number => 4 + 2 * index

const isRunning = (message: Buffer): boolean => {
  const bytes = new ByteBuffer(message)
  const root = bytes.readInt32(0)
  const type = bytes.__offset(root, slot(MESSAGE.dataType))
  const data = bytes.__offset(root, slot(MESSAGE.data))
  if (!type || !data || bytes.readUint8(root + type) !== MESSAGE.notification) return false
  const notification = bytes.__indirect(root + data)
  const event = bytes.__offset(notification, slot(NOTIFICATION.event))
  return event > 0 && bytes.readUint8(notification + event) === NOTIFICATION.workerRunning
}

/** The message by which a worker says that it runs, as the process of this number. */
export const runningMessage = (pid: number): Uint8Array => {
  const builder = new Builder()
  const handlerId = builder.createString(String(pid))
  builder.startObject(NOTIFICATION.slots)
  builder.addFieldOffset(NOTIFICATION.handlerId, handlerId, 0)
  builder.addFieldInt8(NOTIFICATION.event, NOTIFICATION.workerRunning, 0)
  const notification = builder.endObject()
  builder.startObject(MESSAGE.slots)
  builder.addFieldInt8(MESSAGE.dataType, MESSAGE.notification, 0)
  builder.addFieldOffset(MESSAGE.data, notification, 0)
  builder.finishSizePrefixed(builder.endObject())
  return builder.asUint8Array()
}

/** What a worker says, but that it runs as the process of this number. */
export class RunningAs extends Transform {
  readonly #pid: number
  #waiting = Buffer.alloc(0)
  #said = false

  constructor(pid: number) {
    super()
    this.#pid = pid
  }

  /** Whether it has said so. */
  get runs(): boolean {
    return this.#said
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#said) {
      done(null, chunk)
      return
    }
    this.#waiting = Buffer.concat([this.#waiting, chunk])
    try {
      while (!this.#said && this.#pass()) {
        // The next one.
      }
    } catch (cause) {
      done(new Error('what came is not what a worker says', { cause }))
      return
    }
    if (this.#said) this.push(this.#waiting)
    else if (this.#waiting.length > MOST_BYTES) {
      done(new Error('the worker does not say that it runs'))
      return
    }
    done()
  }

  /** Passes on one message. @returns whether there was a whole one */
  #pass(): boolean {
    if (this.#waiting.length < LENGTH_BYTES) return false
    const end = LENGTH_BYTES + this.#waiting.readUInt32LE()
    if (this.#waiting.length < end) return false
    const whole = this.#waiting.subarray(0, end)
    this.#said = isRunning(whole.subarray(LENGTH_BYTES))
    this.push(this.#said ? runningMessage(this.#pid) : whole)
    this.#waiting = this.#waiting.subarray(end)
    return true
  }
}
