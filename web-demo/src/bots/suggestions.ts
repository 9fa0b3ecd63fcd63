import { type Room, type RoomCommand, readCommand } from '@trunkline/sdk'
import { argumentBegun, choicesFor, commandsFor, nameBegun, type Suggestion } from './typed.ts'

/** Commands that were asked for are believed for so long, ms: bots come and go. */
const KNOWN_MS = 10_000
/** A bot is asked once nothing was typed for so long, ms. */
const PAUSE_MS = 150

/** What may be written next of a command, as it is typed. */
export class Suggestions {
  readonly #room: Room
  readonly #offer: (suggestions: readonly Suggestion[]) => void
  #commands: { list: Promise<RoomCommand[]>; until: number } | undefined
  /** Of what was typed last: answers to what was typed before come too late. */
  #turn = 0

  constructor(room: Room, offer: (suggestions: readonly Suggestion[]) => void) {
    this.#room = room
    this.#offer = offer
  }

  /** Whether a line is a command of this room: with what is not, people mean what they write. */
  async isCommand(line: string): Promise<boolean> {
    const name = readCommand(line)?.name
    return name !== undefined && (await this.#known()).some(command => command.name === name)
  }

  /** What was typed so far; offers what may follow, now or a moment later. */
  typed(line: string): void {
    const turn = ++this.#turn
    const offer = (suggestions: readonly Suggestion[]) => {
      if (turn === this.#turn) this.#offer(suggestions)
    }
    if (!line.startsWith('/')) {
      offer([])
      return
    }
    // Without an answer there is nothing to offer.
    this.#next(line, () => turn === this.#turn).then(offer, () => offer([]))
  }

  async #next(line: string, isLatest: () => boolean): Promise<readonly Suggestion[]> {
    const begun = nameBegun(line)
    const commands = await this.#known()
    if (begun !== undefined) return commandsFor(commands, begun)
    const [, name = '', typed = ''] = /^\/([a-z0-9_-]+)\s([\s\S]*)$/.exec(line) ?? []
    const command = commands.find(one => one.name === name)
    const at = command && argumentBegun(command.arguments ?? [], typed)
    if (!command || !at) return []
    const { field, text, before, others } = at
    const isAsked = field.kind === 'choice' || (field.kind === 'text' && field.completes)
    if (!isAsked) return []
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    if (!isLatest()) return []
    return choicesFor(await this.#room.bots.complete(command, field.name, text, others), `/${name} ${before}`)
  }

  #known(): Promise<RoomCommand[]> {
    if (!this.#commands || this.#commands.until < performance.now()) {
      this.#commands = { list: this.#room.bots.commands(), until: performance.now() + KNOWN_MS }
      this.#commands.list.catch(() => {
        this.#commands = undefined
      })
    }
    return this.#commands.list
  }
}
