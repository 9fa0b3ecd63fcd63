const urls = new WeakMap<Blob, { url: string; users: number }>()

/** An element that was taken out of the page may still be loading. */
const LINGER_MS = 5_000

/** An address of a blob for as long as somebody shows it: call `done` when not any more. */
export const localUrl = (blob: Blob): { url: string; done: () => void } => {
  const shared = urls.get(blob) ?? { url: URL.createObjectURL(blob), users: 0 }
  shared.users += 1
  urls.set(blob, shared)
  let isDone = false
  const done = () => {
    if (isDone) return
    isDone = true
    shared.users -= 1
    setTimeout(() => {
      if (shared.users > 0 || urls.get(blob) !== shared) return
      URL.revokeObjectURL(shared.url)
      urls.delete(blob)
    }, LINGER_MS)
  }
  return { url: shared.url, done }
}
