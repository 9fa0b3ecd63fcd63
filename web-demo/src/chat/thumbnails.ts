import type { Room } from '@trunkline/sdk'

/** A room's thumbnails already fetched, so that closing and opening the chat does not fetch them again. */
class Thumbnails {
  readonly #room: Room
  readonly #urls = new Map<string, Promise<string>>()

  constructor(room: Room) {
    this.#room = room
    // The browser keeps what an object URL stands for until it is told.
    room.on('state', state => {
      if (state === 'closed') this.#letGo()
    })
  }

  urlOf(fileId: string): Promise<string> {
    const url = this.#urls.get(fileId) ?? this.#fetch(fileId)
    this.#urls.set(fileId, url)
    url.catch(() => this.#urls.delete(fileId))
    return url
  }

  async #fetch(fileId: string): Promise<string> {
    const room = this.#room
    // Without a thumbnail, the picture itself.
    const blob = await room.downloadFile(fileId, { thumbnail: true }).catch(() => room.downloadFile(fileId))
    return URL.createObjectURL(blob)
  }

  #letGo(): void {
    for (const url of this.#urls.values()) url.then(URL.revokeObjectURL, () => undefined)
    this.#urls.clear()
  }
}

const ofRoom = new WeakMap<Room, Thumbnails>()

/**
 * An object URL of a picture's thumbnail, good until the room is closed.
 * @throws TrunklineError when neither thumbnail nor picture can be had
 */
export const thumbnailOf = (room: Room, fileId: string): Promise<string> => {
  const thumbnails = ofRoom.get(room) ?? new Thumbnails(room)
  ofRoom.set(room, thumbnails)
  return thumbnails.urlOf(fileId)
}
