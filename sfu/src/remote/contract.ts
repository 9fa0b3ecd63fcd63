import { z } from 'zod'

const Port = z.int().min(0).max(65_535)

/** What a worker is to listen on, as the engine takes it. */
const ListenInfo = z.strictObject({
  protocol: z.enum(['udp', 'tcp']),
  ip: z.string(),
  announcedAddress: z.string().exactOptional(),
  port: Port.exactOptional(),
  portRange: z.strictObject({ min: Port, max: Port }).exactOptional(),
})

/** What SFU processes ask of each other: to run a worker. */
export const WORKERS_CONTRACT = {
  requests: {
    'worker:reserve': {
      /** Version of the engine: its two halves speak a language that changes with it. */
      request: z.strictObject({ engine: z.string().max(32) }),
      response: z.strictObject({
        /** Lets one tunnel in, for a few seconds. */
        ticket: z.string(),
        /** For clients, and for media of workers of other machines and of the same. */
        listenInfos: z.array(ListenInfo).min(1),
        pipeFromAfar: ListenInfo,
        pipeFromNear: ListenInfo,
      }),
    },
  },
  notices: {},
} as const

/** Tells this link apart from others at the same HTTP server. */
export const WORKERS_LINK = 'workers'
