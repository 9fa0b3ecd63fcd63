import { createHash } from 'node:crypto'

const weight = (key: string, id: string): string => createHash('sha1').update(`${key} ${id}`).digest('hex')

/**
 * Which of several takes something on, so that everybody who knows the same several names the same one, and most things
 * stay where they are when one comes or goes (rendezvous hashing).
 * @returns undefined where there is none to choose from
 */
export const chosenFor = (key: string, ids: Iterable<string>): string | undefined => {
  let best: { id: string; weight: string } | undefined
  for (const id of ids) {
    const candidate = { id, weight: weight(key, id) }
    if (!best || candidate.weight > best.weight) best = candidate
  }
  return best?.id
}
