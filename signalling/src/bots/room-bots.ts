import { type RoomCommand, rolesWith, TrunklineError } from '@trunkline/protocol'
import { and, asc, eq, inArray, type SQL } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { toUser, userColumns } from '../identity/users.ts'
import { isInForce } from '../rooms/standings.ts'
import { bots, members, users } from '../schema.ts'
import type { KnownBot } from './bots.ts'

/** The bots that are members of rooms: only these are asked and told anything there. */
export class RoomBots {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** @throws TrunklineError `not_found` when it is not in the room, or no bot any more */
  async get(roomId: string, botId: string): Promise<KnownBot> {
    const [bot] = await this.#in(roomId, eq(bots.userId, botId))
    if (!bot)
      throw new TrunklineError('not_found', 'The bot that answered here is not in this room any more.')
    return bot
  }

  async commands(roomId: string): Promise<RoomCommand[]> {
    const found = await this.#in(roomId)
    const commands = found.flatMap(({ row, user }) =>
      row.commands.map(command => ({ ...command, bot: user })),
    )
    return commands.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  /**
   * A command by its name, and whose it is.
   * @throws TrunklineError `not_found`; `conflict` when several bots have one of this name and none is named
   */
  async command(
    roomId: string,
    name: string,
    botId?: string,
  ): Promise<{ bot: KnownBot; command: RoomCommand }> {
    const found = await this.#in(roomId, botId === undefined ? undefined : eq(bots.userId, botId))
    const [first, ...others] = found.flatMap(bot =>
      bot.row.commands
        .filter(command => command.name === name)
        .map(command => ({ bot, command: { ...command, bot: bot.user } })),
    )
    if (!first) throw new TrunklineError('not_found', `There is no command /${name} in this room.`)
    if (others.length > 0) {
      const ids = [first, ...others].map(({ bot }) => `"${bot.user.id}"`).join(', ')
      throw new TrunklineError(
        'conflict',
        `Several bots have a command /${name}: name one of ${ids} in botId.`,
      )
    }
    return first
  }

  async #in(roomId: string, which?: SQL): Promise<KnownBot[]> {
    const found = await this.#database
      .select({ row: bots, user: userColumns })
      .from(members)
      .innerJoin(bots, eq(bots.userId, members.userId))
      .innerJoin(users, eq(users.id, members.userId))
      .where(and(eq(members.roomId, roomId), inArray(members.role, rolesWith('read')), isInForce, which))
      .orderBy(asc(bots.userId))
    return found.map(({ row, user }) => ({ row, user: toUser(user) }))
  }
}
