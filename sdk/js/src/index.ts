export {
  type Ban,
  type BotReply,
  type Breakout,
  type Button,
  CALL_RIGHTS,
  type Call as CallInfo,
  type CallAction,
  type CallOutcome,
  type CallRecord,
  type CallRecording,
  type CallRole,
  type CallStream,
  type Choice,
  type Control,
  type Counts,
  type CustomStatus,
  type Derivative,
  type Device,
  type EphemeralMessage,
  ERRORS,
  type ErrorCode,
  type Field,
  type FieldValue,
  type FieldValues,
  type FileKind,
  type FileState,
  type Form,
  faultsOf,
  type GrantedRole,
  type InboxEntry,
  type IssuedToken,
  type Job,
  type Knock,
  LIMITS,
  type LinkedFile,
  type Member,
  type Message,
  type MessagePart,
  type MessageVersion,
  type NodeItem,
  type NotificationLevel,
  type NotificationSettings,
  type PendingEntry,
  type Presence,
  type PresenceStatus,
  type PushMessage,
  type QuietHours,
  RANK,
  type ReactionCount,
  type RecordingLayout,
  type RemovedStretch,
  RIGHTS,
  type Ring,
  type RingMedia,
  type Role,
  type Room as RoomInfo,
  type RoomAction,
  type RoomChanges,
  type RoomCommand,
  type RoomEvent,
  type RoomEventOf,
  type RoomFile,
  type RoomPost,
  type RoomPreview,
  type RoomWithMembership,
  readArguments,
  readCommand,
  type ScheduledMessage,
  type SearchHit,
  type SearchKind,
  type SentPart,
  type StoredFile,
  type Storyboard,
  type StreamAnswer,
  type SyncAnswer,
  type TrackSource,
  TrunklineError,
  textOf,
  type User,
  type VariantName,
} from '@trunkline/protocol'
export { attachTrack } from './attach.ts'
export { watchAudioLevel } from './audio-level.ts'
export { Blocks, type BlocksEvents } from './blocks.ts'
export { Breakouts, type BreakoutsEvents } from './breakouts.ts'
export { Call, type CallEvents, type CallState } from './call.ts'
export {
  type CallClosed,
  CallModeration,
  type CallModerationEvents,
  type Muted,
  type StreamSending,
} from './call-moderation.ts'
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
  type ScreenContent,
} from './devices.ts'
export {
  type DiagnoseOptions,
  type DiagnosisReport,
  diagnose,
  diagnosisText,
  diagnosisTitle,
  type RelayFinding,
} from './diagnosis.ts'
export type { Bandwidth } from './diagnosis-bandwidth.ts'
export { DIAGNOSIS_STEPS, type DiagnosisStep, type DiagnosisStepName } from './diagnosis-step.ts'
export type { Verdict } from './diagnosis-verdict.ts'
export type { VideoCodec } from './encodings.ts'
export type { KeySource, Person } from './encryption/app-keys.ts'
export { type CallEncryption, canEncryptCalls, type EncryptionOptions } from './encryption/call-encryption.ts'
export { makeKeyPair as makeDeviceKey } from './encryption/device-key.ts'
export type { DeviceKeysOptions } from './encryption/device-keys.ts'
export { type DeviceMemory, type KnownKey, ShortMemory } from './encryption/device-memory.ts'
export type { EncryptionKey } from './encryption/encryption-key.ts'
export type { Claim, Identity, Trust, Verify } from './encryption/identities.ts'
export { type Reading, readingText } from './encryption/readings.ts'
export { Inbox, type InboxEvents, type InboxPhase } from './inbox.ts'
export type { Jobs } from './jobs.ts'
export type { JoinOptions } from './join-options.ts'
export { Knocking, type KnockingEvents, type KnockingState } from './knocking.ts'
export type {
  Draft,
  DraftOptions,
  FilePart,
  FilesDraft,
  OutgoingFile,
  PendingFile,
  PendingMessage,
} from './outbox.ts'
export { everyItem, type Page, type Paging } from './pages.ts'
export { Participant } from './participant.ts'
export { Presences, type PresencesEvents } from './presences.ts'
export { canPush, Push, type PushOptions } from './push.ts'
export type { Quality, TrackQuality } from './quality.ts'
export { Rest, type RestOptions, type RouteInput } from './rest.ts'
export { type RingOptions, Rings, type RingsEvents } from './rings.ts'
export { Room } from './room.ts'
export { RoomBots } from './room-bots.ts'
export type { ClosedReason } from './room-closed.ts'
export type { RoomEvents, RoomState } from './room-events.ts'
export { RoomFiles, type RoomFilesEvents } from './room-files.ts'
export type { RoomMessage } from './room-messages.ts'
export type { MessageState, Reach } from './roster.ts'
export type { Thread } from './thread.ts'
export type { TopicValue } from './topic-message.ts'
export { Topic, type TopicEvents, type TopicOptions } from './topics.ts'
export {
  type SearchFilters,
  Trunkline,
  type TrunklineEvents,
  type TrunklineOptions,
} from './trunkline.ts'
export { Upload, type UploadEvents, type UploadState } from './upload.ts'
export { Users, type UsersEvents } from './users.ts'
