/**
 * What was asked for of a transport that ended before the answer. The engine tells of a transport's end only those that were
 * there: what comes later would stay for ever, with everything that listens to it.
 * @param made what the transport made, or began to
 */
export const endWith = <T extends { close(): void }>(transport: { readonly closed: boolean }, made: T): T => {
  if (transport.closed) made.close()
  return made
}
