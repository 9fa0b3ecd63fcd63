import { type DeviceTarget, LIMITS, type PushMessage } from '@trunkline/protocol'

/** A push as it goes to a service. */
export type OutgoingPush = {
  message: PushMessage
  /** Must be there at once, and is worth waking a device up for. */
  isUrgent: boolean
  /** Of the same device and key only the latest is shown. */
  collapseKey: string
  /** Of no use after that. */
  expiresAt: Date
}

/** What came of sending a push. */
export type Outcome =
  | { is: 'sent' }
  /** The device is not there any more: nothing is to be sent to it again. */
  | { is: 'dead'; problem: string }
  /** Not now, or not as it looks. @property retryAfterMs as the service asked */
  | { is: 'retry'; problem: string; retryAfterMs?: number | undefined }
  /** It will never take this push; the device may be all right. */
  | { is: 'refused'; problem: string }

export type TargetOf<K extends DeviceTarget['kind']> = Extract<DeviceTarget, { kind: K }>

/** Brings pushes to devices of one kind. Resolves with what came of it, whatever that is. */
export interface PushSender<K extends DeviceTarget['kind'] = DeviceTarget['kind']> {
  send(target: TargetOf<K>, push: OutgoingPush): Promise<Outcome>
  close(): void
}

/** How long a service may keep a push that it cannot deliver at once, seconds, at least one. */
export const secondsLeft = ({ expiresAt }: Pick<OutgoingPush, 'expiresAt'>): number =>
  Math.max(1, Math.min(Math.ceil((expiresAt.getTime() - Date.now()) / 1_000), LIMITS.pushGiveUpMs / 1_000))

/** What is to be thought of an answer that says nothing more. */
export const outcomeOf = (
  service: string,
  status: number,
  detail: string,
  retryAfterMs: number | undefined,
): Outcome => {
  if (status >= 200 && status < 300) return { is: 'sent' }
  const problem = `${service} answered ${status}${detail ? `: ${detail.slice(0, 200)}` : ''}`
  if (status === 404 || status === 410) return { is: 'dead', problem }
  if (status === 429 || status >= 500) return { is: 'retry', problem, retryAfterMs }
  return { is: 'refused', problem }
}
