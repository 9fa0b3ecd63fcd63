import type { Metrics } from '@trunkline/kit'
import { showStored, Traffic } from '../outbound/traffic.ts'
import type { BotLanes } from './bot-lanes.ts'

/** Counts what bots are sent: messages, and questions of people who wait. `failed`: there was no answer that is of use. */
export const countLetters = (metrics: Metrics): BotTraffic =>
  new Traffic(metrics, {
    name: 'bot',
    what: 'Messages and questions sent to bots',
    outcomes: '`answered`, or `failed`',
    labelNames: ['about'],
  })

export type BotTraffic = Traffic<'about', 'answered' | 'failed'>

/** Shows what bots have not been told yet. */
export const showWaiting = (metrics: Metrics, lanes: BotLanes): void =>
  showStored(metrics, () => lanes.waiting(), [
    {
      name: 'trunkline_bot_waiting_messages',
      help: 'Messages that bots are to be told of, in the database, of all processes together',
      labelNames: [],
      values: waiting => [[{}, waiting]],
    },
  ])
