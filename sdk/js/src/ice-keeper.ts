import type { types } from 'mediasoup-client'
import { Backoff } from './backoff.ts'
import { toTrunklineError } from './errors.ts'

/** A path that stutters often mends itself; longer than this without, and ICE is restarted. */
const PATIENCE_MS = 2_000
const MAX_RESTARTS = 4

export type KeptTransport = {
  /** Restarts ICE at once when the path is broken: the server can be asked again. */
  look: () => void
  stop: () => void
}

/**
 * Restarts ICE when a transport's path breaks (the network changed, a NAT forgot us), and says when that does not help.
 * @param restart asks the server for new ICE parameters
 * @param lost called once, when only joining again can help; nothing is tried after that
 */
export const keepTransport = (
  transport: types.Transport,
  restart: () => Promise<types.IceParameters>,
  lost: (reason: string) => void,
): KeptTransport => {
  const backoff = new Backoff()
  let restarts = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false

  const attempt = async () => {
    if (stopped || transport.closed || transport.connectionState === 'connected') return
    if (restarts >= MAX_RESTARTS) return giveUp('the media connection did not come back')
    restarts += 1
    try {
      await transport.restartIce({ iceParameters: await restart() })
    } catch (thrown) {
      const error = toTrunklineError(thrown)
      // Without a connection to the server the reconnect joins again anyhow; a server that forgot us must be told.
      if (!error.retryable && !stopped) return giveUp(error.message)
      // It was not tried: the server could not be asked.
      restarts -= 1
    }
    later(PATIENCE_MS + backoff.next())
  }
  const later = (ms: number) => {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(() => void attempt(), ms)
  }

  const onState = (state: types.ConnectionState) => {
    if (state === 'connected') {
      clearTimeout(timer)
      restarts = 0
      backoff.reset()
    } else if (state === 'disconnected') later(PATIENCE_MS)
    else if (state === 'failed') later(0)
  }
  const stop = () => {
    stopped = true
    clearTimeout(timer)
    transport.off('connectionstatechange', onState)
  }
  const giveUp = (reason: string) => {
    stop()
    lost(reason)
  }
  const look = () => {
    if (transport.connectionState === 'disconnected' || transport.connectionState === 'failed') later(0)
  }
  transport.on('connectionstatechange', onState)
  return { look, stop }
}
