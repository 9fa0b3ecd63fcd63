import {
  type Ban,
  type GrantedRole,
  type Member,
  type Message,
  type MessageVersion,
  type NodeItem,
  type OperationAnswer,
  type OperationData,
  type OperationName,
  partsOf,
  type RoomChanges,
  type RoomEvent,
  type RoomWithMembership,
  type ScheduledMessage,
} from '@trunkline/protocol'
import { newClientId } from './client-id.ts'
import { Emitter } from './emitter.ts'
import { type Draft, optionsOf } from './outbox.ts'
import type { Page, Paging } from './pages.ts'

type InRoom = Extract<
  { [N in OperationName]: OperationData<N> extends { roomId: string } ? N : never }[OperationName],
  OperationName
>
type Rest<N extends InRoom> = Omit<OperationData<N>, 'roomId'>

const contentOf = (draft: Draft) => ('parts' in draft ? { parts: partsOf(draft) } : { text: draft.text })

/**
 * What one asks of a room in one request. Each rejects with the server's TrunklineError (`forbidden` when the role
 * does not allow it, `unavailable` without a connection); what it changes shows in the room once the log says so.
 */
export abstract class RoomCommands<
  Events extends { [K in keyof Events]: unknown[] },
> extends Emitter<Events> {
  readonly id: string

  constructor(id: string) {
    super()
    this.id = id
  }

  protected abstract request<N extends OperationName>(
    name: N,
    data: OperationData<N>,
  ): Promise<OperationAnswer<N>>

  /** Takes an event the server answered with, as if it had been delivered. */
  protected abstract take(event: RoomEvent): void

  #ask<N extends InRoom>(name: N, data: Rest<N>): Promise<OperationAnswer<N>> {
    return this.request(name, { roomId: this.id, ...data } as unknown as OperationData<N>)
  }

  async #append(asked: Promise<{ event: RoomEvent }>): Promise<RoomEvent> {
    const { event } = await asked
    this.take(event)
    return event
  }

  // Messages

  /** Changes what one said. Options of the draft that place a message do not count. */
  edit(seq: number, draft: Draft): Promise<RoomEvent> {
    const { metadata, mentions, controls } = draft
    const said = {
      ...contentOf(draft),
      ...(metadata && { metadata }),
      ...(mentions && { mentions }),
      ...(controls && { controls }),
    }
    return this.#append(this.#ask('message:edit', { seq, ...said, clientId: newClientId() }))
  }

  /** Takes a message back, or, for those who moderate, another's. */
  delete(seq: number): Promise<RoomEvent> {
    return this.#append(this.#ask('message:delete', { seq, clientId: newClientId() }))
  }

  /** Leaves a reaction: one emoji, or `:a-name:`. */
  react(seq: number, reaction: string): Promise<Message> {
    return this.#ask('message:react', { seq, reaction })
  }

  unreact(seq: number, reaction: string): Promise<Message> {
    return this.#ask('message:unreact', { seq, reaction })
  }

  pin(seq: number): Promise<Message> {
    return this.#ask('message:pin', { seq })
  }

  unpin(seq: number): Promise<Message> {
    return this.#ask('message:unpin', { seq })
  }

  /** The pinned messages, the latest pinned first. */
  pins(page: Paging = {}): Promise<Page<Message>> {
    return this.#ask('message:pins', page)
  }

  /** What a message said before it was edited, oldest first; the last is what it says now. */
  history(seq: number, page: Paging = {}): Promise<Page<MessageVersion>> {
    return this.#ask('message:history', { seq, ...page })
  }

  /** Says a message again in another room, with its files; resolves with the event there. */
  async forward(seq: number, toRoomId: string): Promise<RoomEvent> {
    return (await this.#ask('message:forward', { seq, toRoomId, clientId: newClientId() })).event
  }

  /** Sends a message later. */
  schedule(draft: Draft, sendAt: Date): Promise<ScheduledMessage> {
    const when = { sendAt: sendAt.toISOString(), clientId: newClientId() }
    return this.#ask('message:schedule', { ...contentOf(draft), ...optionsOf(draft), ...when })
  }

  /** One's own messages that wait to be sent here, the next first. */
  scheduled(page: Paging = {}): Promise<Page<ScheduledMessage>> {
    return this.#ask('message:scheduled', page)
  }

  /** Does not send it. */
  async unschedule(scheduleId: string): Promise<void> {
    await this.#ask('message:unschedule', { scheduleId })
  }

  // Members

  /** Invites people: they are in once they accept. */
  async invite(userIds: string[], role?: GrantedRole): Promise<Member[]> {
    return (await this.#ask('member:invite', { userIds, ...(role && { role }) })).data
  }

  /** Adds people at once. */
  async add(userIds: string[], role?: GrantedRole): Promise<Member[]> {
    return (await this.#ask('member:add', { userIds, ...(role && { role }) })).data
  }

  /** Lets in who asked to come in. */
  approve(userId: string, role?: GrantedRole): Promise<Member> {
    return this.#ask('member:approve', { userId, ...(role && { role }) })
  }

  /** Promotes or demotes a member. */
  setRole(userId: string, role: GrantedRole): Promise<Member> {
    return this.#ask('member:update', { userId, role })
  }

  /** Sends a member away, or refuses who asked to come in. */
  async kick(userId: string, reason?: string): Promise<void> {
    await this.#ask('member:kick', { userId, ...(reason && { reason }) })
  }

  /** Keeps a user out, for good or until a time. */
  ban(userId: string, options: { reason?: string; until?: Date } = {}): Promise<Ban> {
    const { reason, until } = options
    return this.#ask('member:ban', {
      userId,
      ...(reason && { reason }),
      ...(until && { until: until.toISOString() }),
    })
  }

  /** Ends a ban; the user is not a member by that. */
  async unban(userId: string): Promise<void> {
    await this.#ask('member:unban', { userId })
  }

  /** Who is banned; for those who moderate. */
  bans(page: Paging = {}): Promise<Page<Ban>> {
    return this.#ask('ban:list', page)
  }

  /** All members, page by page: of large rooms `members` holds only the first LIMITS.membersListed. */
  listMembers(query: Paging & { roles?: Member['role'][] } = {}): Promise<Page<Member>> {
    return this.#ask('member:list', query)
  }

  /** Who was invited or asks to come in (`member.pending` says which); for those who moderate. */
  pendingMembers(page: Paging = {}): Promise<Page<Member>> {
    return this.listMembers({ ...page, roles: ['pending'] })
  }

  /** Makes another member the owner; who was it becomes a moderator. */
  transfer(userId: string): Promise<Member> {
    return this.#ask('room:transfer', { userId })
  }

  // Oneself

  /** Comes into a channel: at once when it is open, or asks those who moderate it. */
  follow(message?: string): Promise<Member> {
    return this.#ask('room:follow', message ? { message } : {})
  }

  /** Accepts an invitation. */
  accept(): Promise<Member> {
    return this.#ask('room:accept', {})
  }

  /** Leaves, declines an invitation, or withdraws the request to come in. */
  async leave(): Promise<void> {
    await this.#ask('room:leave', {})
  }

  // The room itself

  /** Changes title, description, access and the like; what is left out stays as it is. */
  update(changes: RoomChanges): Promise<RoomWithMembership> {
    return this.#ask('room:update', changes)
  }

  /** Closes the room for writing; it stays readable. */
  archive(): Promise<RoomWithMembership> {
    return this.#ask('room:archive', {})
  }

  /** Opens an archived room again. */
  restore(): Promise<RoomWithMembership> {
    return this.#ask('room:restore', {})
  }

  /** Deletes the room with everything in it, for everybody and for good. */
  async remove(): Promise<void> {
    await this.#ask('room:delete', {})
  }

  // Nodes

  /** Publishes to a node: `status`, `geolocation`, or any `x-...`. */
  publish(
    node: string,
    payload: NodeItem['payload'],
    options: { clientId?: string } = {},
  ): Promise<NodeItem> {
    return this.#ask('node:publish', { node, payload, clientId: options.clientId ?? newClientId() })
  }

  /** The latest item of a node by each who published to it, the latest first. */
  latest(node: string, page: Paging = {}): Promise<Page<NodeItem>> {
    return this.#ask('node:get', { node, ...page })
  }

  /** What was published to a node: the latest page first, ascending within a page. */
  nodeHistory(node: string, page: Paging = {}): Promise<Page<NodeItem>> {
    return this.#ask('node:history', { node, ...page })
  }

  /** The nodes of the room, each with its latest item. */
  nodes(page: Paging = {}): Promise<Page<NodeItem>> {
    return this.#ask('node:list', page)
  }
}
