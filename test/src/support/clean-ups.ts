import { afterAll } from 'vitest'

export type Register = (cleanUp: () => void | Promise<void>) => void

/**
 * What a whole test file starts is ended after its last test, latest first. To be called at the top of the file or of
 * a `describe`: a hook that is registered inside another hook never runs.
 */
export const cleanUpAfterAll = (): Register => {
  const cleanUps: (() => void | Promise<void>)[] = []
  afterAll(async () => {
    for (let cleanUp = cleanUps.pop(); cleanUp; cleanUp = cleanUps.pop()) await cleanUp()
  }, 60_000)
  return cleanUp => void cleanUps.push(cleanUp)
}
