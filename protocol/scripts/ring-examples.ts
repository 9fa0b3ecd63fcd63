import { ada, at, roomId } from './example-values.ts'

export const ring = {
  id: 'ring_1',
  roomId,
  from: ada,
  media: 'video',
  targets: [
    { userId: 'grace', state: 'ringing' },
    { userId: 'kurt', state: 'busy' },
  ],
  startedAt: at,
  expiresAt: at,
  seq: 4,
}

export const ringOver = {
  ...ring,
  targets: [
    { userId: 'grace', state: 'accepted' },
    { userId: 'linus', state: 'declined' },
    { userId: 'kurt', state: 'missed' },
  ],
  endedAt: at,
  cancelled: true,
  seq: 6,
}

export const callRecords = [
  {
    roomId,
    callId: 'call_1',
    ringId: 'ring_1',
    media: 'video',
    from: ada,
    outcome: 'answered',
    startedAt: at,
    durationMs: 61_000,
    userIds: ['ada', 'grace'],
  },
  {
    roomId,
    ringId: 'ring_2',
    media: 'audio',
    from: ada,
    outcome: 'missed',
    startedAt: at,
    userIds: ['grace'],
  },
  { roomId, callId: 'call_2', outcome: 'ongoing', startedAt: at, userIds: [] },
]
