import { expect, test } from 'vitest'
import type { Start } from './behaviour.ts'
import { arrivalOf, idsOf, joinRaw, resumeRaw } from './raw.ts'
import { until } from './until.ts'

/** What participants tell each other of keys. */
export const testKeyBehaviour = (start: Start): void => {
  test('how somebody encrypts is in the list, and what they say of keys goes to whom it is for', async () => {
    const { sfu, of } = await start()
    const encryption = { keys: 'app' } as const
    const anna = await sfu.request('call:join', { ...arrivalOf('room', 'anna'), encryption })
    const ben = await joinRaw(sfu, 'room', 'ben')
    await joinRaw(sfu, 'elsewhere', 'cleo')
    expect(ben.call.participants.map(it => it.encryption)).toEqual([encryption, undefined])
    const say = (...to: string[]) =>
      sfu.request('key:send', {
        roomId: 'room',
        participantId: anna.participantId,
        messages: to.map(it => ({ to: it, text: 'AgAA' })),
      })
    // Into another call nothing goes.
    expect(await say('ben', 'cleo')).toEqual({ missed: ['cleo'] })
    const heard = { roomId: 'room', participantId: 'ben', from: 'anna', text: 'AgAA' }
    await until('ben hears of it', () => of('key:sent').length === 1)
    await sfu.request('call:away', { ...idsOf(ben), connectionId: 'socket-ben' })
    expect(await say('ben')).toEqual({ missed: ['ben'] })
    await resumeRaw(sfu, ben)
    expect(await say('ben')).toEqual({ missed: [] })
    await until('ben hears of it again', () => of('key:sent').length === 2)
    expect(of('key:sent')).toEqual([heard, heard])
  })
}
