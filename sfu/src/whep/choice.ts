import type { WatchWish } from '@trunkline/protocol'
import type { Participant } from '../participant.ts'
import type { Producer } from '../producer.ts'

/** What somebody who watches sees and hears: of one participant, so that lips and voice fit. */
export type Shown = { participant: Participant; picture: Producer | undefined; sound: Producer | undefined }

export type Choosing = {
  /** In the order they came. */
  participants: Iterable<Participant>
  wish: WatchWish
  /** Whether the player takes what this track is sent by. */
  plays: (producer: Producer) => boolean
  speakingId: string | undefined
  /** Who is shown now. */
  shownId: string | undefined
}

/**
 * Who is shown: of those the wish is for, whoever shows a screen, else whoever has a picture, else whoever has a sound. Among
 * several who speaks now, else who is shown already, else who came first. What is encrypted end to end is nobody's to show.
 */
export const choose = ({ participants, wish, plays, speakingId, shownId }: Choosing): Shown | undefined => {
  const all = Array.from(participants)
    .filter(participant => isMeant(participant, wish) && !participant.encryption)
    .map(participant => shownOf(participant, wish, plays))
  const screens = all.filter(({ picture }) => picture?.source === 'screen')
  const pictures = all.filter(({ picture }) => picture !== undefined)
  const sounds = all.filter(({ sound }) => sound !== undefined)
  const [best = []] = [screens, pictures, sounds].filter(some => some.length > 0)
  const of = (id: string | undefined) => best.find(({ participant }) => participant.id === id)
  return of(speakingId) ?? of(shownId) ?? best[0]
}

const isMeant = ({ id, userId }: Participant, wish: WatchWish): boolean =>
  (wish.participantId === undefined || wish.participantId === id) &&
  (wish.userId === undefined || wish.userId === userId)

const shownOf = (
  participant: Participant,
  { source }: WatchWish,
  plays: (producer: Producer) => boolean,
): Shown => {
  const producers = [...participant.producers.values()].filter(
    producer => !producer.closed && !producer.engine.paused && plays(producer),
  )
  const one = (wanted: Producer['source']) => producers.find(producer => producer.source === wanted)
  const picture =
    source === undefined ? (one('screen') ?? one('camera')) : one(source === 'screen' ? 'screen' : 'camera')
  // A screen's own sound is what it is watched for; of one without, what its presenter says.
  const isScreen = source === 'screen' || picture?.source === 'screen'
  const voice = isScreen && !picture ? undefined : one('mic')
  const sound = (isScreen ? one('screenAudio') : undefined) ?? voice
  return { participant, picture, sound }
}
