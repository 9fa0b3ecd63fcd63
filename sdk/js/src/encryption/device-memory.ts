import { makeKeyPair } from './device-key.ts'

/** A device key a user was seen with. */
export type KnownKey = {
  /** In base64url, as it was shown. */
  deviceKey: string
  /** ISO 8601. */
  firstSeenAt: string
  /** Whether people, or the app, have made sure that it is that user's. */
  verified: boolean
}

/** What a device keeps of keys: its own pair, and those it has seen. One for each user of this device. */
export interface DeviceMemory {
  /** This device's own pair, made the first time. */
  pair(): Promise<CryptoKeyPair>
  /** With which keys a user was seen. */
  known(userId: string): Promise<KnownKey[]>
  /** Adds one, or says something else of it. */
  remember(userId: string, key: KnownKey): Promise<void>
}

/** Keys of one user that are kept, beside those that people have made sure of: anybody may come with another one each time. */
const KNOWN_MAX = 50

/** Puts a key in the place of the same one, or behind the others; of too many the oldest go. */
const withKey = (known: readonly KnownKey[], key: KnownKey): KnownKey[] => {
  const all = [...known.filter(({ deviceKey }) => deviceKey !== key.deviceKey), key]
  let tooMany = all.filter(({ verified }) => !verified).length - KNOWN_MAX
  return all.filter(({ verified }) => verified || tooMany-- <= 0)
}

/** Lasts as long as the page or the process, unless a pair is given that lasts longer. */
export class ShortMemory implements DeviceMemory {
  readonly #known = new Map<string, KnownKey[]>()
  #pair: Promise<CryptoKeyPair> | undefined

  constructor(pair?: CryptoKeyPair) {
    this.#pair = pair && Promise.resolve(pair)
  }

  pair(): Promise<CryptoKeyPair> {
    this.#pair ??= makeKeyPair()
    return this.#pair
  }

  async known(userId: string): Promise<KnownKey[]> {
    return this.#known.get(userId) ?? []
  }

  async remember(userId: string, key: KnownKey): Promise<void> {
    this.#known.set(userId, withKey(this.#known.get(userId) ?? [], key))
  }
}

const DATABASE = 'trunkline'
const [PAIRS, KNOWN] = ['device-keys', 'known-keys']

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

/** In the browser's IndexedDB, where private keys are kept and used and never read. */
class LongMemory implements DeviceMemory {
  readonly #database: IDBDatabase
  readonly #ownId: string

  constructor(database: IDBDatabase, ownId: string) {
    this.#database = database
    this.#ownId = ownId
  }

  async pair(): Promise<CryptoKeyPair> {
    // Made before it is looked for: a transaction does not wait for what is not its own. Of two tabs one makes it.
    const made = await makeKeyPair()
    const store = this.#store(PAIRS)
    const kept: CryptoKeyPair | undefined = await settled(store.get(this.#ownId))
    if (kept) return kept
    try {
      await settled(store.put(made, this.#ownId))
    } catch {
      // A browser that keeps no keys: it is good for this call.
    }
    return made
  }

  async known(userId: string): Promise<KnownKey[]> {
    return (await settled(this.#store(KNOWN).get([this.#ownId, userId]))) ?? []
  }

  async remember(userId: string, key: KnownKey): Promise<void> {
    const store = this.#store(KNOWN)
    const known: KnownKey[] = (await settled(store.get([this.#ownId, userId]))) ?? []
    await settled(store.put(withKey(known, key), [this.#ownId, userId]))
  }

  #store(name: string): IDBObjectStore {
    return this.#database.transaction(name, 'readwrite').objectStore(name)
  }
}

/** What outlives nothing but the page, where a browser keeps nothing. */
const passing = new Map<string, ShortMemory>()

/**
 * What this browser profile keeps for one of its users.
 * @param ownId the user
 */
export const openDeviceMemory = async (ownId: string): Promise<DeviceMemory> => {
  try {
    const request = indexedDB.open(DATABASE, 1)
    request.onupgradeneeded = () => {
      for (const name of [PAIRS, KNOWN]) request.result.createObjectStore(name)
    }
    return new LongMemory(await settled(request), ownId)
  } catch {
    // Private windows of some browsers, and pages whose storage is shut.
    const memory = passing.get(ownId) ?? new ShortMemory()
    passing.set(ownId, memory)
    return memory
  }
}
