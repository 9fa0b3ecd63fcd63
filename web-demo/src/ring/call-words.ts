import type { CallRecord } from '@trunkline/sdk'
import type { IconName } from '../design/icons.ts'

const kindOf = ({ media }: CallRecord): string =>
  media === undefined ? 'call' : media === 'video' ? 'video call' : 'voice call'
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Whether one rang oneself. */
export const isOwn = ({ from }: CallRecord, me: string): boolean => from?.id === me

/** What became of a call, in a few words. */
export const callWord = (record: CallRecord, me: string): string => {
  const kind = kindOf(record)
  const own = isOwn(record, me)
  switch (record.outcome) {
    case 'ongoing':
      return `${capital(kind)}${record.callId === undefined ? ', ringing' : ' going on'}`
    case 'missed':
      return own ? `${capital(kind)}, no answer` : `Missed ${kind}`
    case 'declined':
      return own ? `${capital(kind)}, declined` : `Declined ${kind}`
    case 'cancelled':
      return `${capital(kind)}, called off`
    case 'answered':
      return record.from === undefined ? capital(kind) : `${own ? 'Outgoing' : 'Incoming'} ${kind}`
  }
}

/** The sign beside it: which way it went, or that nothing came of it. */
export const callIcon = (record: CallRecord, me: string): IconName => {
  const own = isOwn(record, me)
  if (record.outcome === 'ongoing' || record.from === undefined) return 'phone'
  if (record.outcome === 'missed' && !own) return 'callMissed'
  if (record.outcome === 'answered') return own ? 'callOut' : 'callIn'
  return own ? 'callOut' : 'callMissed'
}
