import type { Metrics } from '@trunkline/kit'
import type { DeviceKind } from '@trunkline/protocol'
import { showStored, Traffic } from '../outbound/traffic.ts'
import type { PushQueue } from './push-queue.ts'

/** What came of a push whose time had come. `needless`: it was read meanwhile, or is to be told no more for another reason. */
export type PushFate = 'sent' | 'retried' | 'gone' | 'refused' | 'given_up' | 'needless'
export type PushTraffic = Traffic<'kind', PushFate>

/** Counts pushes by the kind of their devices, and shows what waits of the kinds that are pushed to here. */
export const countPushes = (
  metrics: Metrics,
  queue: PushQueue,
  kinds: readonly DeviceKind[],
): PushTraffic => {
  const states = ['due', 'waiting'] as const
  showStored(metrics, () => queue.lengths(), [
    {
      name: 'trunkline_push_queue',
      help: 'Pushes that wait in the database, of all processes together: `due` now, or `waiting` for their time',
      labelNames: ['kind', 'state'],
      values: lengths =>
        kinds.flatMap(kind =>
          states.map(state => [{ kind, state }, lengths.get(kind)?.[state] ?? 0] as const),
        ),
    },
    {
      name: 'trunkline_push_overdue_seconds',
      help: 'How long ago the first push that waits in the database should have been sent, or tried again',
      labelNames: ['kind'],
      values: lengths => kinds.map(kind => [{ kind }, lengths.get(kind)?.overdueSeconds ?? 0] as const),
    },
  ])
  return new Traffic(metrics, {
    name: 'push',
    what: 'Pushes',
    outcomes:
      '`sent`, to be `retried`, its device is `gone`, `refused` for good, `given_up`, or `needless` by then and not sent',
    labelNames: ['kind'],
  })
}
