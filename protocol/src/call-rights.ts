import { z } from 'zod'

/**
 * What somebody is in a call. Those who moderate the room are hosts of its calls; the others are what their token says,
 * else what the room says, until a host makes them something else for the rest of the call.
 */
export const CallRole = z.enum(['host', 'speaker', 'listener'])
export type CallRole = z.infer<typeof CallRole>

/** What those are in a call of whom nothing else is said. */
export const DefaultCallRole = z.enum(['speaker', 'listener'])
export type DefaultCallRole = z.infer<typeof DefaultCallRole>

/** What there is to do in a call. */
export const CALL_ACTIONS = {
  join: 'come in, and receive what the others publish',
  enter: 'come in though there is a lobby, or the call is locked',
  publish: 'publish microphone, camera and screen',
  hand: "raise and lower one's own hand",
  admit: 'see who waits; let in and turn away',
  mute: 'mute others',
  remove: 'send others away',
  lock: 'lock and unlock the call',
  end: 'end the call for everybody',
  role: 'make others host, speaker or listener',
  lower: "lower others' hands",
  breakouts: 'open breakout rooms, move people between them, close them',
  record: 'record and stream the call, pause and end both',
} as const
export type CallAction = keyof typeof CALL_ACTIONS

/** Who may do what in a call: the single source. */
export const CALL_RIGHTS = {
  host: {
    join: true,
    enter: true,
    publish: true,
    hand: true,
    admit: true,
    mute: true,
    remove: true,
    lock: true,
    end: true,
    role: true,
    lower: true,
    breakouts: true,
    record: true,
  },
  speaker: {
    join: true,
    enter: false,
    publish: true,
    hand: true,
    admit: false,
    mute: false,
    remove: false,
    lock: false,
    end: false,
    role: false,
    lower: false,
    breakouts: false,
    record: false,
  },
  listener: {
    join: true,
    enter: false,
    publish: false,
    hand: true,
    admit: false,
    mute: false,
    remove: false,
    lock: false,
    end: false,
    role: false,
    lower: false,
    breakouts: false,
    record: false,
  },
} as const satisfies Readonly<Record<CallRole, Readonly<Record<CallAction, boolean>>>>
