import { type Frame, FrameCipher } from './frame-cipher.ts'
import { KeyRings } from './key-rings.ts'
import { Readings } from './readings.ts'
import type { TransformOptions, WorkerMessage, WorkerRequest } from './worker-messages.ts'

/** WebRTC Encoded Transform, section 5; TypeScript's libraries know no worker here. */
type Transformer = {
  readable: ReadableStream<Frame>
  writable: WritableStream<Frame>
  options: TransformOptions
  sendKeyFrameRequest: () => Promise<unknown>
}
type WorkerScope = {
  onrtctransform: (event: { transformer: Transformer }) => void
  onmessage: (event: { data: WorkerRequest }) => void
  postMessage: (message: WorkerMessage) => void
}

const scope = globalThis as unknown as WorkerScope
const cipher = new FrameCipher(
  new Readings((participantId, reading) => scope.postMessage({ type: 'reading', participantId, reading })),
  new KeyRings(),
  participantId => scope.postMessage({ type: 'wanted', participantId }),
)

scope.onrtctransform = ({ transformer }) => {
  const { readable, writable, options } = transformer
  const isSound = options.mimeType.startsWith('audio/')
  const askForKeyFrame = () => {
    if (!isSound) transformer.sendKeyFrameRequest().catch(() => undefined)
  }
  const handle =
    options.role === 'seal'
      ? cipher.frameSealer(options, options.mimeType)
      : cipher.frameOpener(options, options.mimeType, askForKeyFrame)
  const transform = async (frame: Frame, controller: TransformStreamDefaultController<Frame>) => {
    // One that fails for whatever reason is lost, and the next is tried.
    if (await handle(frame).catch(() => false)) controller.enqueue(frame)
  }
  readable
    .pipeThrough(new TransformStream<Frame, Frame>({ transform }))
    .pipeTo(writable)
    .catch(() => undefined)
    .finally(() => options.role === 'open' && cipher.ended(options))
}

const handle = async (request: WorkerRequest): Promise<Uint8Array | undefined> => {
  switch (request.type) {
    case 'separate':
      cipher.separate()
      return undefined
    case 'use':
      await cipher.use(request.bytes, request.from)
      return undefined
    case 'forget':
      cipher.forget(request.from)
      return undefined
    case 'step':
      return (await cipher.step())?.bytes
    case 'seal':
      return cipher.sealData(request, request.bytes)
    case 'open':
      return cipher.openData(request, request.bytes)
  }
}

/** What is done one after the other: keys; what one sends; what arrives of each stream, which may wait for a key. */
const lineOf = (request: WorkerRequest): string => {
  if (request.type === 'open') return JSON.stringify([request.participantId, request.stream])
  return request.type === 'seal' ? 'seal' : 'keys'
}

const lines = new Map<string, Promise<unknown>>()
scope.onmessage = ({ data: request }) => {
  const line = lineOf(request)
  const before = lines.get(line) ?? Promise.resolve()
  const done = before
    .then(() => handle(request))
    .catch(() => undefined)
    .then(bytes => {
      scope.postMessage({ type: 'answer', id: request.id, bytes })
      if (lines.get(line) === done) lines.delete(line)
    })
  lines.set(line, done)
}
