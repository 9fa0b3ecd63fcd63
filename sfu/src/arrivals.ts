import { setImmediate } from 'node:timers/promises'
import { KeyedMutex } from '@trunkline/kit'
import {
  type JoinedCall,
  LIMITS,
  type PreparedCall,
  type SfuRequestData,
  TrunklineError,
} from '@trunkline/protocol'
import type { Call } from './call.ts'
import { closeMedia, comeBack, endLater, loseMedia, loseSight, removeParticipant } from './cascade.ts'
import { ROUTER_RTP_CAPABILITIES } from './codecs.ts'
import type { Doors } from './doors.ts'
import { Participant, type Transports } from './participant.ts'
import { notInCall, unavailable } from './refusals.ts'
import { parseRtpCapabilities } from './rtp.ts'
import type { SfuSettings } from './settings.ts'
import { leaveWithTransport } from './unattended.ts'

/** How long others see what somebody published before its worker died, for it to publish that again, milliseconds. */
const LOST_TRACKS_MS = 5_000

type Deps = {
  settings: SfuSettings
  doors: Doors
  find: (roomId: string) => Call | undefined
  /** The room's call, kept open for somebody on the way in; opened when there is none. */
  enter: (roomId: string) => Promise<{ call: Call; release: () => void }>
}

/** Coming into a call, and coming back. */
export class Arrivals {
  readonly #deps: Deps
  /** Those on their way, so that a leave that overtakes one is not lost. */
  readonly #arriving = new Map<string, { left: boolean }>()
  readonly #resuming = new KeyedMutex()
  /** By user: how many participants nobody but their transport speaks for, those on the way included. */
  readonly #streams = new Map<string, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Connects somebody who has not come in yet. */
  async prepare(data: SfuRequestData<'call:prepare'>): Promise<PreparedCall> {
    return this.#arrive(data, async (call, assertPresent) => {
      const participant = await this.#create(data, call, assertPresent)
      call.prepared.set(participant.id, participant)
      participant.endTimer = setTimeout(() => removeParticipant(participant), this.#deps.settings.preparedMs)
      await call.consumeAll(participant)
      assertPresent(participant)
      participant.answered = true
      return prepared(participant)
    })
  }

  async join(data: SfuRequestData<'call:join'>): Promise<JoinedCall> {
    if (!data.unattended) return this.#join(data)
    const end = this.#beginStream(data.userId)
    return this.#join(data, end).catch(error => {
      end()
      throw error
    })
  }

  /**
   * Sockets bound how often somebody is in calls; these need none.
   * @returns what says, once, that it has ended
   * @throws TrunklineError `limit_reached`
   */
  #beginStream(userId: string): () => void {
    const limit = LIMITS.streamsPerUser
    const streams = this.#streams.get(userId) ?? 0
    if (streams >= limit) {
      throw new TrunklineError('limit_reached', `At most ${limit} streams of one user; end one first.`, {
        details: { limit },
      })
    }
    this.#streams.set(userId, streams + 1)
    let hasEnded = false
    return () => {
      if (hasEnded) return
      hasEnded = true
      const left = (this.#streams.get(userId) ?? 0) - 1
      if (left > 0) this.#streams.set(userId, left)
      else this.#streams.delete(userId)
    }
  }

  #join(data: SfuRequestData<'call:join'>, onStreamEnd = () => {}): Promise<JoinedCall> {
    return this.#arrive(data, async (call, assertPresent) => {
      const known = call.prepared.get(data.participantId)
      const isPrepared = known?.userId === data.userId && known.transports !== undefined
      const participant = isPrepared ? known : await this.#create(data, call, assertPresent)
      participant.connectionId = data.connectionId
      participant.lastN = data.lastN
      participant.encryption = data.encryption
      assertPresent(participant)
      participant.seat.stand(data)
      call.add(participant)
      if (data.unattended) leaveWithTransport(participant, onStreamEnd)
      else replaceLost(participant)
      if (!isPrepared) await call.consumeAll(participant)
      call.lastN.lookFor(participant)
      for (const id of data.consumerIds ?? []) {
        // Fails with the transport or the worker only, which whoever ends them has said.
        participant.consumers
          .get(id)
          ?.setWanted(true)
          .catch(() => undefined)
      }
      assertPresent(participant)
      participant.answered = true
      return joined(participant)
    })
  }

  /** Comes back as the same participant: on its transports when they are still there, else on new ones. */
  async resume(data: SfuRequestData<'call:resume'>): Promise<JoinedCall> {
    const { participantId, userId, resumeKey, renew } = data
    return this.#resuming.run(keyOf(data), async () => {
      const call = this.#deps.find(data.roomId)
      const participant = call?.participants.get(participantId)
      if (!call || !participant?.isOf(userId, resumeKey)) throw notInCall(participantId)
      await call.settled()
      const assertPresent = () => {
        if (participant.closed) throw notInCall(participantId)
      }
      assertPresent()
      // The loss of an earlier socket says nothing of it any more.
      participant.connectionId = data.connectionId
      try {
        if (renew && participant.transports) await this.#giveUp(participant)
        // It does not end for being late while it is on the way.
        clearTimeout(participant.endTimer)
        if (!participant.transports) await this.#renew(participant, data.rtpCapabilities)
        assertPresent()
      } catch (error) {
        // It may try again.
        endLater(participant, call.resumeMs)
        throw error
      }
      comeBack(participant)
      for (const producer of participant.producers.values()) producer.demand?.repeat()
      return joined(participant)
    })
  }

  /** A leave came: who is on the way in is not let in. */
  left(data: { roomId: string; participantId: string }): void {
    const arriving = this.#arriving.get(keyOf(data))
    if (arriving) arriving.left = true
  }

  async #arrive<T>(
    data: SfuRequestData<'call:prepare'>,
    work: (call: Call, assertPresent: (participant?: Participant) => void) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(data)
    const arriving = { left: false }
    const superseded = this.#arriving.get(key)
    if (superseded) superseded.left = true
    this.#arriving.set(key, arriving)
    try {
      this.#deps.doors.at(data.roomId).arrives(data)
      const { call, release } = await this.#deps.enter(data.roomId)
      try {
        const assertPresent = (participant?: Participant) => {
          if (call.closed) throw unavailable('The call was lost while joining. Try again.')
          if (arriving.left || participant?.closed) throw notInCall(data.participantId)
          call.door.arrives(data)
        }
        return await work(call, assertPresent)
      } finally {
        release()
      }
    } finally {
      if (this.#arriving.get(key) === arriving) this.#arriving.delete(key)
    }
  }

  async #create(
    data: SfuRequestData<'call:prepare'>,
    call: Call,
    assertPresent: () => void,
  ): Promise<Participant> {
    const { participantId: id, userId, name, connectionId } = data
    const rtpCapabilities = parseRtpCapabilities(data.rtpCapabilities)
    const participant = await this.#openTransports(
      call,
      transports => new Participant({ id, userId, name, connectionId, rtpCapabilities }, call, transports),
    )
    participant.seat.stand(data)
    try {
      assertPresent()
      if (participant.sendTransport.engine.closed)
        throw unavailable('The media worker died while joining. Try again.')
    } catch (error) {
      closeMedia(participant)
      throw error
    }
    // A retry of an arrival whose answer was lost: its transports are of no use to anybody.
    for (const earlier of [call.participants.get(id), call.prepared.get(id)]) {
      if (earlier) removeParticipant(earlier)
    }
    return participant
  }

  /** Opens transports at one of the call's places, which is kept until they are taken. */
  async #openTransports<T>(call: Call, take: (transports: Transports) => T): Promise<T> {
    const { place, release } = await call.findPlace()
    try {
      return take(await Participant.openTransports(place, this.#deps.settings))
    } finally {
      release()
    }
  }

  /** Others are to know that what it shows stands still, before they hear that it ended. */
  async #giveUp(participant: Participant): Promise<void> {
    loseSight(participant, this.#deps.settings.resumeMs)
    participant.call.tellPending()
    await setImmediate()
    loseMedia(participant)
  }

  /** Gives a participant whose media are gone transports where its call is now, and consumes everything anew. */
  async #renew(participant: Participant, rtpCapabilities: unknown): Promise<void> {
    const { call } = participant
    participant.rtpCapabilities = parseRtpCapabilities(rtpCapabilities)
    await this.#openTransports(call, transports => {
      if (participant.closed || transports.place.closed) {
        transports.send.engine.close()
        transports.receive.engine.close()
        throw participant.closed
          ? notInCall(participant.id)
          : unavailable('The media worker died while the call was resumed. Try again.')
      }
      participant.transports = transports
    })
    // What it consumes from here on is in the answer.
    participant.answered = false
    await call.consumeAll(participant)
    call.lastN.lookFor(participant)
    participant.answered = true
    clearTimeout(participant.lostTracksTimer)
    participant.lostTracksTimer = setTimeout(() => {
      if (participant.lostTracks.splice(0).length > 0) call.changed()
    }, LOST_TRACKS_MS)
  }
}

/**
 * Who comes anew has given up what it was in a tab that crashed or on a device that is off: nobody speaks for that any more,
 * and others would look at it beside the new one. Should that device come back all the same, it joins anew. Whose media alone
 * are lost is on the way back.
 */
const replaceLost = (participant: Participant): void => {
  for (const other of [...participant.call.participants.values()]) {
    const isLost = other.awaySince !== undefined && other.transports !== undefined
    if (other !== participant && other.userId === participant.userId && isLost) removeParticipant(other)
  }
}

const keyOf = (data: { roomId: string; participantId: string }) => `${data.roomId}/${data.participantId}`

const prepared = (participant: Participant): PreparedCall => ({
  participantId: participant.id,
  resumeKey: participant.resumeKey,
  routerRtpCapabilities: ROUTER_RTP_CAPABILITIES,
  sendTransport: participant.sendTransport.options(),
  receiveTransport: participant.receiveTransport.options(),
  consumers: Array.from(participant.consumers.values(), consumer => consumer.options()),
})

const joined = (participant: Participant): JoinedCall => ({
  call: participant.call.snapshot(),
  ...prepared(participant),
})
