import { startDatabase } from '../server.ts'

type Row = { roomId: string; seq: number; data: string; done(): void }

/** The least that keeps what is said: all that came while the last was being written goes into one insert, committed to disk. */
export class BareStore {
  readonly #database: Awaited<ReturnType<typeof startDatabase>>
  #waiting: Row[] = []
  #isWriting = false

  private constructor(database: Awaited<ReturnType<typeof startDatabase>>) {
    this.#database = database
  }

  static async open(): Promise<BareStore> {
    const database = await startDatabase()
    await database.pool.query(
      'create table said (room_id text, seq bigint, data json not null, primary key (room_id, seq))',
    )
    return new BareStore(database)
  }

  /** Resolves once it is on disk. */
  add(roomId: string, seq: number, data: string): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ roomId, seq, data, done: resolve })
      if (this.#isWriting) return
      this.#isWriting = true
      setImmediate(() => void this.#write())
    })
  }

  close(): Promise<void> {
    return this.#database.stop()
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const rows = this.#waiting
      this.#waiting = []
      await this.#database.pool.query({
        name: 'said',
        text: 'insert into said select * from unnest($1::text[], $2::bigint[], $3::json[])',
        values: [rows.map(row => row.roomId), rows.map(row => row.seq), rows.map(row => row.data)],
      })
      for (const { done } of rows) done()
    }
    this.#isWriting = false
  }
}
