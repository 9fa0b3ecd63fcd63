import type { Sfu } from '@trunkline/protocol'
import { describe } from 'vitest'
import type { SfuOptions } from '../settings.ts'
import type { LocalSfu } from '../sfu.ts'
import { testCallBehaviour } from './call-behaviour.ts'
import { testKeyBehaviour } from './key-behaviour.ts'
import { testResumeBehaviour } from './resume-behaviour.ts'
import { listen, startSfu } from './start.ts'
import { testTrackBehaviour } from './track-behaviour.ts'
import { testWorkerBehaviour } from './worker-behaviour.ts'

const startWith = async (reach: (local: LocalSfu) => Promise<Sfu>, options?: Partial<SfuOptions>) => {
  const local = await startSfu(options)
  const sfu = await reach(local)
  // The first answer says that the link, if there is one, is open: from here on no notice is missed.
  const { routerRtpCapabilities } = await sfu.request('sfu:capabilities', {})
  return { local, sfu, routerRtpCapabilities, ...listen(sfu) }
}

/** An SFU of the kind under test, with its notices collected. */
export type Start = (options?: Partial<SfuOptions>) => ReturnType<typeof startWith>

/**
 * What every `Sfu` must do, in this process or across a link.
 * @param reach makes the implementation under test out of an SFU of this process
 */
export const describeSfu = (name: string, reach: (local: LocalSfu) => Promise<Sfu>): void => {
  describe(name, () => {
    const start: Start = options => startWith(reach, options)
    testCallBehaviour(start)
    testTrackBehaviour(start)
    testResumeBehaviour(start)
    testKeyBehaviour(start)
    testWorkerBehaviour(start)
  })
}
