import type { Jobs, Logger, Task } from '@trunkline/kit'
import type { FileShelf } from '@trunkline/protocol'
import type { Ephemerals } from './bots/ephemerals.ts'
import type { Interactions } from './bots/interactions.ts'
import type { RoomBots } from './bots/room-bots.ts'
import type { Breakouts } from './calls/breakouts.ts'
import type { CallHistory } from './calls/call-history.ts'
import type { Calls } from './calls/calls.ts'
import type { Moderation } from './calls/moderation.ts'
import type { Rings } from './calls/rings.ts'
import type { Chat } from './chat/chat.ts'
import type { Data } from './data/data.ts'
import type { Database } from './database.ts'
import type { FairShare } from './fair-share.ts'
import type { FanOut } from './fan-out.ts'
import type { Blocks } from './identity/blocks.ts'
import type { Users } from './identity/users.ts'
import type { Feed } from './inbox/feed.ts'
import type { Inbox } from './inbox/inbox.ts'
import type { Sync } from './inbox/sync.ts'
import type { IncomingHooks } from './incoming/hooks.ts'
import type { RateLimits } from './limits.ts'
import type { EventLog } from './log/event-log.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { Presence } from './presence/presence.ts'
import type { Push } from './push/push.ts'
import type { IceServers } from './relays/ice-servers.ts'
import type { Relays } from './relays/relays.ts'
import type { MembershipWatch } from './rooms/membership-watch.ts'
import type { PassingRooms } from './rooms/passing-rooms.ts'
import type { RoomCreation } from './rooms/room-creation.ts'
import type { Rooms } from './rooms/rooms.ts'
import type { FullTextSearch } from './search/search.ts'
import type { TrunklineServer } from './session.ts'

/** What operations and the requests of a socket work with. */
export type Services = {
  io: TrunklineServer
  logger: Logger
  jobs: Jobs
  /** What jobs do, by their name: a part of the system puts its own in while it is put together. */
  tasks: Map<string, Task>
  fairShare: FairShare
  fanOut: FanOut
  database: Database
  users: Users
  rooms: Rooms
  roomCreation: RoomCreation
  passingRooms: PassingRooms
  membershipWatch: MembershipWatch
  log: EventLog
  blocks: Blocks
  chat: Chat
  sync: Sync
  inbox: Inbox
  feed: Feed
  nodes: Nodes
  presence: Presence
  push: Push
  search: FullTextSearch
  calls: Calls
  moderation: Moderation
  breakouts: Breakouts
  rings: Rings
  callHistory: CallHistory
  iceServers: IceServers
  relays: Relays
  limits: RateLimits
  data: Data
  roomBots: RoomBots
  interactions: Interactions
  ephemerals: Ephemerals
  hooks: IncomingHooks
  /** Absent where no media service is known. */
  shelf: FileShelf | undefined
}
