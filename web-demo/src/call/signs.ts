import type { Call, CallRecording, CallRole, CallStream } from '@trunkline/sdk'
import { ringDoorBell } from './door-bell.ts'

const ROLE_WORDS: Readonly<Record<CallRole, string>> = {
  host: 'You are a host now',
  speaker: 'You may speak now',
  listener: 'You are a listener now: your microphone and camera are off',
}

const recordingWord = (recording: CallRecording | undefined): string => {
  if (!recording) return 'The recording has ended'
  return recording.paused ? 'The recording is paused' : 'This call is being recorded'
}

const streamWord = (stream: CallStream | undefined): string => {
  if (!stream) return 'The live stream has ended'
  return stream.paused ? 'The live stream is paused' : 'This call is shown live: others can watch it'
}

/**
 * What is said to somebody in a call: when a host does something that concerns them, when what others send cannot be read,
 * or they are here with another device; and the bell when somebody knocks.
 */
export class Signs {
  readonly #stops: (() => void)[]

  constructor(call: Call, say: (text: string) => void) {
    const { moderation, room } = call
    let role = moderation.role
    let isKnown = false
    let recorded = recordingWord(undefined)
    let streamed = streamWord(undefined)
    this.#stops = [
      moderation.on('knocked', ringDoorBell),
      call.on('encryption', (_, reading, text) => {
        // A key that is late comes by itself.
        if (reading !== 'readable' && reading !== 'noKey') say(text)
      }),
      call.on('identity', (_, __, text) => text && say(text)),
      moderation.on('muted', ({ by, sources }) => {
        const who = by === undefined ? 'the app' : (room.member(by)?.user.name ?? 'a host')
        const what = sources.every(it => it === 'mic') ? 'were muted' : 'and your pictures were turned off'
        say(`You ${what} by ${who}`)
      }),
      moderation.on('recordingEnded', problem => problem && say(`The recording has ended. ${problem}`)),
      room.on('event', ({ type, data }) => {
        if (type === 'stream.failed') say(`The live stream failed. ${data.reason}`)
        if (type === 'stream.ended' && data.problem) say(`The live stream has ended. ${data.problem}`)
      }),
      moderation.on('changed', () => {
        const nowRecorded = recordingWord(moderation.recording)
        const nowStreamed = streamWord(moderation.stream)
        // Whoever comes is told both.
        const news = [
          ...(nowRecorded === recorded ? [] : [nowRecorded]),
          ...(nowStreamed === streamed ? [] : [nowStreamed]),
        ]
        if (news.length > 0) say(news.join('. '))
        recorded = nowRecorded
        streamed = nowStreamed
        const before = role
        role = moderation.role
        // How one came in is no news.
        if (isKnown && role !== before) say(ROLE_WORDS[role])
        isKnown = true
      }),
    ]
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }
}
