import { availableParallelism } from 'node:os'
import { ConfigError, type Logger } from '@trunkline/kit'
import type { FileShelf, Sfu } from '@trunkline/protocol'
import { ensureWorker } from '@trunkline/sfu/provision'
import { enterFleet, findFleet, neighbourhood } from './fleet.ts'
import { countSfu } from './metrics.ts'
import type { Composition } from './platform.ts'
import { linkSecret } from './secrets.ts'
import type { Settings } from './settings.ts'

export type RunningSfu = {
  /** What signalling asks. */
  sfu: Sfu
  /** Gives the calls that are here to other SFUs, where there are any. */
  leave?: () => Promise<void>
  /** Where the SFU takes media: what a TURN service may relay to. */
  ports: number[]
}

/** Starts the SFU of this process, or says why there are no calls. */
export const startSfu = async (
  composition: Composition,
  recordingShelf: Pick<FileShelf, 'putPart' | 'stream'> | undefined,
): Promise<RunningSfu | undefined> => {
  const {
    settings,
    services,
    listenAddress,
    announcedAddress,
    vault,
    listener,
    logger,
    lifecycle,
    warnings,
    fleet,
  } = composition
  // Loaded only where it runs: a process with other services starts without it.
  const { createSfu, serveSfu } = await import('@trunkline/sfu')
  let workerBin: string
  try {
    workerBin = (await ensureWorker({ env: process.env, report: logSteps(logger) })).path
  } catch (error) {
    // Chat without calls is better than nothing, but an SFU alone without its worker is nothing.
    if (!services.has('signalling')) throw error
    warnings.push(`No calls run here: ${(error as Error).message}`)
    return fleet && { sfu: findFleet(composition, fleet), ports: [] }
  }
  const workers = settings.RTC_WORKERS ?? availableParallelism()
  const sfu = await createSfu({
    logger,
    workerBin,
    listenAddress,
    announcedAddress: announcedAddress === listenAddress ? undefined : announcedAddress,
    port: settings.RTC_PORT,
    workers,
    guests: settings.RTC_GUESTS,
    pipePorts: settings.RTC_PIPE_PORTS,
    workerStreams: settings.RTC_WORKER_STREAMS,
    recordingShelf,
    ...(fleet && (await neighbourhood(composition, fleet))),
  }).catch((error: Error) => {
    throw new ConfigError(error.message)
  })
  lifecycle.add('sfu', () => sfu.close())
  countSfu(composition.metrics, sfu)
  const ports = (await sfu.counts()).map(worker => worker.port)
  if (settings.RTC_PORT) ports.push(...guestPorts(settings, workers))
  const member = fleet && (await enterFleet(composition, fleet, sfu))
  if (member || !services.has('signalling')) {
    const link = serveSfu({
      sfu: member ?? sfu,
      httpServer: listener.server,
      secret: linkSecret(vault),
      logger,
    })
    lifecycle.add('link to signalling', () => link.close())
  }
  if (!member || !fleet) return { sfu, ports }
  await member.join()
  lifecycle.add('place among the SFUs', () => member.close())
  return {
    sfu: services.has('signalling') ? findFleet(composition, fleet, member) : member,
    ports,
    leave: () => member.close(),
  }
}

/** Where workers listen that run here for SFUs of other machines. */
const guestPorts = ({ RTC_PORT, RTC_GUESTS }: Settings, workers: number): number[] =>
  Array.from({ length: RTC_GUESTS }, (_, i) => RTC_PORT + workers + i)

/** Getting the worker is instant but for the first time on a machine; then it takes minutes, and says so. */
const logSteps = (logger: Logger) => {
  let last = ''
  return ({ step }: { step: string }) => {
    if (step !== last) logger.info(`media worker: ${step}`)
    last = step
  }
}
