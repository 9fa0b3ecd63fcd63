/** How a user is connected at one node: the best status of its sockets there, and how many there are. */
export type ConnectedStatus = 'online' | 'away'
export type Attending = { status: ConnectedStatus; sockets: number }

/** What nodes say to each other, beside what they pass on to sockets. */
export type ClusterMessage =
  /** I live. `horizon`: the transaction below which all were over just before. */
  | { kind: 'beat'; horizon?: string | undefined }
  /**
   * I hear you again, or for the first time: tell me who is with you. What was committed from transaction `since` on I
   * may have missed, and you may have missed it of me. `horizon` as in `beat`, where nothing was missed.
   */
  | { kind: 'back'; since?: string | undefined; horizon?: string | undefined }
  /** I am about to end. */
  | { kind: 'bye' }
  /** These of my users are connected like this now; null: not any more. */
  | { kind: 'attending'; users: [userId: string, Attending | null][] }
  /** All of my users. */
  | { kind: 'everybody'; users: [userId: string, Attending][] }
  /** What these users say of themselves has changed: it stands in the database. */
  | { kind: 'profiles'; userIds: string[] }
  /** These users have another name or picture: it stands in the database. */
  | { kind: 'users'; userIds: string[] }
