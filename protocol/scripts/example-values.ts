/** Values that examples are made of. */
export const roomId = 'room-1'
export const at = '2026-11-21T09:30:00.000Z'
export const ada = { id: 'ada', name: 'Ada', kind: 'user' }
export const pictured = { ...ada, avatar: `/avatars/${'0f'.repeat(16)}` }
export const guest = { id: 'gst_1', name: 'Grüße 👋', kind: 'guest' }
export const textPart = { mime: 'text/plain', text: 'Hello' }
export const filePart = {
  mime: 'image/png',
  fileId: 'file_1',
  name: 'scan.png',
  size: 48_213,
  width: 1_280,
  height: 720,
}
export const voicePart = {
  mime: 'audio/webm',
  fileId: 'file_2',
  name: 'voice.webm',
  durationMs: 4_200,
  voice: true,
}
export const jsonPart = { mime: 'application/json', json: { answer: [42, null, true, { deep: 'yes' }] } }

export const messageEvent = {
  roomId,
  seq: 3,
  at,
  sender: 'ada',
  clientId: 'c-1',
  type: 'message.created',
  data: { parts: [textPart], metadata: { urgent: true } },
}
export const room = {
  id: roomId,
  kind: 'group',
  title: 'Ward round',
  description: '',
  avatar: null,
  access: 'invite',
  defaultRole: 'publisher',
  lobby: false,
  defaultCallRole: 'speaker',
  metadata: {},
  guests: true,
  retentionDays: null,
  archivedAt: null,
  memberCount: 2,
  firstSeq: 1,
  lastSeq: 3,
  createdAt: at,
}
export const member = { user: ada, role: 'owner', deliveredSeq: 3, readSeq: 2, joinedAt: at }
export const message = {
  roomId,
  seq: 3,
  sender: 'ada',
  clientId: 'c-1',
  text: 'Hello',
  parts: [textPart, filePart, jsonPart],
  at,
}
export const call = {
  id: 'call_1',
  roomId,
  startedAt: at,
  locked: false,
  lobby: true,
  participants: [
    {
      id: 'par_1',
      userId: 'ada',
      name: 'Ada',
      joinedAt: at,
      role: 'speaker',
      handRaisedAt: at,
      away: false,
      tracks: [{ producerId: 'pro_1', source: 'mic', paused: false }],
    },
  ],
}
