import { expect, vi } from 'vitest'
import { mediaOf, pictures, sounds, type Visitor } from './browser.ts'
import { API_KEY } from './server.ts'

const WAIT = { timeout: 90_000, interval: 250 }

type Person = { id: string; name: string }
type View = { participants: Person[]; on(name: string, hear: (person: Person) => void): void }

declare global {
  interface Window {
    meetingSaid: string[]
  }
}

/** Waits until a picture of each of them moves here, and all but one's own sound are heard. */
const meets = async (visitor: Visitor, people: number): Promise<void> => {
  const look = async () => {
    const [pictured, heard] = await Promise.all([pictures(visitor), sounds(visitor)])
    // The fake microphone beeps once a second.
    await visitor.page.waitForTimeout(1_500)
    const [picturedThen, heardThen] = await Promise.all([pictures(visitor), sounds(visitor)])
    const moving = picturedThen.filter(
      (now, i) =>
        now.width > 0 && now.frames > (pictured[i]?.frames ?? now.frames) && now.print !== pictured[i]?.print,
    )
    const sounding = [...heardThen].filter(
      ([ssrc, energy]) => energy > (heard.get(ssrc) ?? Number.POSITIVE_INFINITY),
    )
    expect([moving.length, sounding.length], visitor.name).toEqual([people, people - 1])
  }
  await vi.waitFor(look, WAIT)
}

/** Waits until all of them see and hear all. */
export const expectMeeting = async (...visitors: Visitor[]): Promise<void> => {
  const met = await Promise.allSettled(visitors.map(visitor => meets(visitor, visitors.length)))
  const failed = met.flatMap(end => (end.status === 'rejected' ? [end.reason] : []))
  if (failed.length === 0) return
  const said = await Promise.all(visitors.map(async visitor => `${visitor.name}: ${await mediaOf(visitor)}`))
  throw new Error([...failed.map(({ message }) => message), ...said].join('\n'), { cause: failed[0] })
}

/** From now on this page keeps who comes and goes in its call. */
export const listenForGuests = ({ page }: Visitor) =>
  page.evaluate(() => {
    const { call } = document.querySelector('tl-room') as unknown as { call: View }
    window.meetingSaid = []
    for (const name of ['participantJoined', 'participantLeft'])
      call.on(name, person => void window.meetingSaid.push(`${name} ${person.name}`))
  })

/** Who has come and gone since. */
export const cameAndWent = ({ page }: Visitor) => page.evaluate(() => window.meetingSaid)

/** Everybody in its call. */
export const idsOf = ({ page }: Visitor) =>
  page.evaluate(() => {
    const { call } = document.querySelector('tl-room') as unknown as { call: View }
    return call.participants.map(({ id }) => id).sort()
  })

type Node = { id: string; url: string; workers: { host?: string; calls: number; participants: number }[] }

/** Asks as an operator: the test itself is not on this network. */
export const operate = (
  { page }: Visitor,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Node[]> =>
  page.evaluate(
    async ([key, method, path, body]) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const answer = await fetch(path, { method, headers, ...(body && { body }) })
      return (await answer.json()).nodes
    },
    [API_KEY, method, path, body && JSON.stringify(body)] as const,
  )
