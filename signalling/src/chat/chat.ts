import type { Logger } from '@trunkline/kit'
import type { FileShelf } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import { FileShares } from '../files/file-shares.ts'
import type { EventLog } from '../log/event-log.ts'
import { Deletions } from './deletions.ts'
import { DueWork } from './due-work.ts'
import { Edits } from './edits.ts'
import { Forwards } from './forwards.ts'
import { MessageReader } from './message-reader.ts'
import { Messages } from './messages.ts'
import { Pins } from './pins.ts'
import { Reactions } from './reactions.ts'
import { Receipts } from './receipts.ts'
import { ScheduledMessages } from './scheduled-messages.ts'
import { Typing } from './typing.ts'

/** Everything about messages: what may be done with them, and what comes with them. */
export class Chat {
  readonly messages: Messages
  readonly reader: MessageReader
  readonly edits: Edits
  readonly deletions: Deletions
  readonly reactions: Reactions
  readonly pins: Pins
  readonly forwards: Forwards
  readonly fileShares: FileShares
  readonly scheduled: ScheduledMessages
  readonly receipts: Receipts
  readonly typing: Typing
  readonly #dueWork: DueWork

  constructor(deps: {
    database: Database
    log: EventLog
    fanOut: FanOut
    /** Absent where no media service is known. */
    shelf: FileShelf | undefined
    logger: Logger
  }) {
    const { database, log, fanOut, shelf, logger } = deps
    this.fileShares = new FileShares(database, shelf)
    this.messages = new Messages(log, this.fileShares)
    this.reader = new MessageReader(database)
    this.edits = new Edits(database, log, this.fileShares)
    this.deletions = new Deletions(database, log)
    this.reactions = new Reactions(log)
    this.pins = new Pins(log)
    this.forwards = new Forwards(log)
    this.scheduled = new ScheduledMessages(database, log, this.fileShares)
    this.receipts = new Receipts(database)
    this.typing = new Typing(fanOut)
    this.#dueWork = new DueWork(
      [() => this.scheduled.sendDue(), () => this.deletions.deleteExpired()],
      logger,
    )
    log.onAppend(event => {
      // Who has sent does not type any more.
      if (event.type === 'message.created' && event.sender !== undefined) {
        this.typing.end(event.roomId, event.sender)
      }
    })
  }

  /** Begins to send and delete what is due. */
  start(): void {
    this.#dueWork.start()
  }

  async close(): Promise<void> {
    this.typing.close()
    await this.#dueWork.close()
  }
}
