import type { Call } from '@trunkline/sdk'
import { openMenu } from '../chat/menu.ts'
import { confirm } from '../messenger/confirm.ts'

type HostMenu = {
  call: Call
  /** Says a sentence to the host. */
  say: (text: string) => void
  /** Shows the breakouts; absent where there can be none. */
  breakouts: (() => void) | undefined
  /** Shows what there is of a live stream, or the way to one. */
  live: () => void
}

/** What a host does with the call as a whole. */
export const openHostMenu = (anchor: HTMLElement, { call, say, breakouts, live }: HostMenu): void => {
  const { moderation, room } = call
  const attempt = async (act: () => Promise<unknown>, done?: string) => {
    try {
      await act()
      if (done) say(done)
    } catch (error) {
      say((error as Error).message)
    }
  }
  const { locked, recording, stream } = moderation
  const lobby = room.info?.lobby ?? false
  const end = async () => {
    const title = 'End the call for everybody?'
    const text = 'Everybody is taken out of it. Whoever wants to can start another.'
    if (await confirm(anchor, { title, text, action: 'End call', dangerous: true })) {
      await attempt(() => moderation.end())
    }
  }
  openMenu(anchor, {
    label: 'Host controls',
    items: [
      [
        {
          word: 'Mute everybody',
          icon: 'micOff',
          act: () => void attempt(() => moderation.mute(), 'Everybody but the hosts is muted'),
        },
        ...(breakouts ? [{ word: 'Breakout rooms', icon: 'grid' as const, act: breakouts }] : []),
      ],
      [
        ...(recording
          ? [
              {
                word: recording.paused ? 'Go on recording' : 'Pause recording',
                icon: recording.paused ? ('play' as const) : ('pause' as const),
                act: () => void attempt(() => moderation.pauseRecording(!recording.paused)),
              },
              {
                word: 'Stop recording',
                icon: 'stop' as const,
                act: () =>
                  void attempt(
                    () => moderation.stopRecording(),
                    'The chat will say when the recording is ready',
                  ),
              },
            ]
          : [
              {
                word: 'Record call',
                icon: 'record' as const,
                act: () => void attempt(() => moderation.startRecording()),
              },
            ]),
        { word: stream ? 'Live stream' : 'Stream live', icon: 'live', act: live },
      ],
      [
        {
          word: locked ? 'Unlock call' : 'Lock call',
          icon: 'lock',
          act: () =>
            void attempt(
              () => moderation.setLocked(!locked),
              locked ? 'The call is open' : 'Nobody new comes in without being let in',
            ),
        },
        {
          word: 'Lobby',
          icon: 'people',
          checked: lobby,
          disabled: !room.can('update'),
          act: () =>
            void attempt(
              () => room.update({ lobby: !lobby }),
              lobby ? 'The lobby is off' : 'Whoever comes waits until a host lets them in',
            ),
        },
      ],
      [{ word: 'End call for everybody', icon: 'leave', danger: true, act: () => void end() }],
    ],
  })
}
