export {
  type Call as CallInfo,
  ERRORS,
  type ErrorCode,
  type IssuedToken,
  LIMITS,
  type Member,
  type MessagePart,
  type PresenceStatus,
  type Role,
  type Room as RoomInfo,
  type RoomEvent,
  type RoomEventOf,
  type StoredFile,
  type TrackSource,
  TrunklineError,
  textOf,
  type User,
} from '@trunkline/protocol'
export { attachTrack } from './attach.ts'
export { watchAudioLevel } from './audio-level.ts'
export { Call, type CallEvents, type CallState } from './call.ts'
export type { ConnectionState } from './connection.ts'
export type { DeviceOptions } from './device-loader.ts'
export {
  canShareScreen,
  type DeviceKind,
  hasMediaDevices,
  listDevices,
  type MediaDevice,
  onDevicesChanged,
  openCamera,
  openMic,
  openMicAndCamera,
  openScreen,
} from './devices.ts'
export type { JoinOptions } from './join-options.ts'
export type { Draft, FilePart, PendingMessage } from './outbox.ts'
export { Participant } from './participant.ts'
export { Rest, type RestOptions, type RouteInput } from './rest.ts'
export { Room, type RoomEvents, type RoomState } from './room.ts'
export type { MessageState, Reach } from './roster.ts'
export { Trunkline, type TrunklineEvents, type TrunklineOptions } from './trunkline.ts'
