import { type RtpCapabilities, TrunklineError } from '@trunkline/protocol'
import { Device, type types } from 'mediasoup-client'

/** How mediasoup-client finds its WebRTC: by itself in browsers; in Node `{ handlerName: 'Chrome111' }` with the WebRTC globals set. */
export type DeviceOptions = Parameters<typeof Device.factory>[0]

/** Loads a mediasoup device once per set of router capabilities. */
export class DeviceLoader {
  readonly #options: DeviceOptions
  readonly #loaded = new Map<string, Promise<Device>>()

  constructor(options: DeviceOptions = {}) {
    this.#options = options
  }

  /**
   * @param capabilities what the server can route; null where it carries no calls
   * @throws TrunklineError `unavailable` where this server or this browser carries no calls
   */
  async load(capabilities: RtpCapabilities | null): Promise<Device> {
    if (!capabilities) {
      throw new TrunklineError('unavailable', 'Calls are off on this server; its log says why.')
    }
    const key = JSON.stringify(capabilities)
    const known = this.#loaded.get(key)
    if (known) return known
    const loading = this.#load(capabilities)
    this.#loaded.set(key, loading)
    loading.catch(() => this.#loaded.delete(key))
    return loading
  }

  async #load(capabilities: RtpCapabilities): Promise<Device> {
    const device = await Device.factory(this.#options).catch(cause => {
      throw new TrunklineError(
        'unavailable',
        'Calls do not work in this browser. Use a current Chrome, Edge, Firefox or Safari.',
        { cause },
      )
    })
    await device.load({ routerRtpCapabilities: structuredClone(capabilities) as types.RtpCapabilities })
    return device
  }
}
