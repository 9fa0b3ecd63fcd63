import type { Metrics } from '@trunkline/kit'
import { showStored, Traffic } from '../outbound/traffic.ts'
import type { WebhookStore } from './webhook-store.ts'

/** What came of an attempt: taken, to be tried again, or a dead letter. */
export type DeliveryFate = 'taken' | 'retried' | 'given_up'
export type WebhookTraffic = Traffic<never, DeliveryFate>

/** Counts deliveries, of all endpoints together, and shows which of them are behind. */
export const countDeliveries = (metrics: Metrics, store: WebhookStore): WebhookTraffic => {
  const labelNames = ['webhook']
  showStored(metrics, () => store.states(), [
    {
      name: 'trunkline_webhook_waiting_rooms',
      help: 'Rooms in which an endpoint has not taken what comes next',
      labelNames,
      values: states => states.map(({ id, waitingRooms }) => [{ webhook: id }, waitingRooms]),
    },
    {
      name: 'trunkline_webhook_dead_letters',
      help: 'Events that an endpoint did not take for three days',
      labelNames,
      values: states => states.map(({ id, deadLetters }) => [{ webhook: id }, deadLetters]),
    },
    {
      name: 'trunkline_webhook_failing_seconds',
      help: 'For how long nothing at all was taken by an endpoint; 0 for one that is well',
      labelNames,
      values: states => states.map(({ id, failingSeconds }) => [{ webhook: id }, failingSeconds]),
    },
  ])
  return new Traffic(metrics, {
    name: 'webhook',
    what: 'Events sent to webhooks',
    outcomes: '`taken`, to be `retried`, or `given_up` as a dead letter',
    labelNames: [],
  })
}
