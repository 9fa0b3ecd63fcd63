import { join } from 'node:path'
import {
  ConfigError,
  connectLink,
  createHttpApp,
  createMetrics,
  Lifecycle,
  type Logger,
  type Metrics,
  openPool,
  startPostgres,
} from '@trunkline/kit'
import { createHttpDesk, createMedia, type Media, openStore, type StoreSettings } from '@trunkline/media'
import { type FileShelf, type RoomDesk, SFU_CONTRACT, type Sfu, TrunklineError } from '@trunkline/protocol'
import {
  createHttpShelf,
  createSignalling,
  type PushSettings,
  type Signalling,
  Vault,
} from '@trunkline/signalling'
import type { Express } from 'express'
import type pg from 'pg'
import { announcedAddressFor, isLoopback, resolveHost } from './addresses.ts'
import { ensureCertificate } from './certificate.ts'
import { installationSecret, openDataFolder } from './data-folder.ts'
import { mountDemo } from './demo.ts'
import { type FleetGround, findFleet, openFleet } from './fleet.ts'
import { mountHealth } from './health.ts'
import { type Listener, listen, type Tls } from './listener.ts'
import { countLive } from './metrics.ts'
import { proxyTo } from './proxy.ts'
import { expectRedis, openRedis } from './redis.ts'
import { fileLinkKey, linkSecret, turnSecrets } from './secrets.ts'
import { MEGABYTE, type Settings } from './settings.ts'
import { type RunningSfu, startSfu } from './sfu.ts'
import { connectTurns, hasTurn, type RunningTurn, startTurn } from './turn.ts'

export const SERVICES = ['signalling', 'sfu', 'turn', 'media'] as const
export type Service = (typeof SERVICES)[number]

export type PlatformOptions = {
  settings: Settings
  services: ReadonlySet<Service>
  /** Serve HTTPS with a certificate of our own making. */
  https: boolean
  logger: Logger
}

export type Platform = {
  /** Where the demo and the API are, e.g. `http://127.0.0.1:3000`. */
  origin: string
  port: number
  announcedAddress: string
  dataFolder: string
  /** Shown once: made on the very first start. */
  firstApiKey: string | undefined
  /** Whether guests may come into any room. */
  isDemo: boolean
  /** Things that do not work here, in sentences for the operator. */
  warnings: readonly string[]
  /** Room behind the printed invite link, open to guests: always the same for one installation, not to be guessed. */
  inviteRoom: string
  /** Drains and closes everything. Idempotent. */
  close(): Promise<void>
}

/** What the parts of a platform share while it is put together. */
export type Composition = Readonly<PlatformOptions> & {
  lifecycle: Lifecycle
  listener: Listener
  app: Express
  vault: Vault
  dataFolder: string
  /** HOST as an IP address: media and TURN take no names. */
  listenAddress: string
  announcedAddress: string
  warnings: string[]
  metrics: Metrics
  /** Where there may be several SFUs: how they and signalling find each other. */
  fleet: FleetGround | undefined
}

/**
 * Puts the services named together in this process and starts them.
 * @throws ConfigError for what the operator can mend; whatever was started is closed again
 */
export const startPlatform = async (options: PlatformOptions): Promise<Platform> => {
  const lifecycle = new Lifecycle(options.logger)
  try {
    return await compose(options, lifecycle)
  } catch (error) {
    await lifecycle.close()
    throw error
  }
}

const compose = async (options: PlatformOptions, lifecycle: Lifecycle): Promise<Platform> => {
  const { settings, services, logger } = options
  const has = (service: Service) => services.has(service)
  const dataFolder = await openDataFolder(settings.TRUNKLINE_DATA)
  const listenAddress = await resolveHost(settings.HOST)
  const announcedAddress = announcedAddressFor(listenAddress, settings.ANNOUNCED_ADDRESS)
  const tls = await findTls(options, dataFolder, announcedAddress)
  const listener = await listen({
    host: settings.HOST,
    address: listenAddress,
    port: settings.PORT,
    tls,
    logger,
  })
  lifecycle.add('http', () => closeServer(listener))
  const vault = new Vault(settings.TRUNKLINE_SECRET ?? (await installationSecret(dataFolder)))
  const { app, finish } = createHttpApp(logger, {
    trustedProxies: settings.TRUSTED_PROXIES,
    fileOrigins: fileOriginsOf(settings),
  })
  const composition: Composition = {
    ...options,
    lifecycle,
    listener,
    app,
    vault,
    dataFolder,
    listenAddress,
    announcedAddress,
    warnings: [],
    metrics: createMetrics(),
    fleet: await openFleet({ ...options, lifecycle }),
  }
  const isDemo = settings.TRUNKLINE_DEMO ?? isLoopback(settings.HOST)

  // Each asks the other: media who may read a file, signalling for the bytes of what it exports. Nothing is asked before
  // both are there, as nothing is served before.
  const late: Late = {}
  // Each takes about a second on a cold start and none needs another.
  const [pool, sfu] = await allOrNothing([
    has('signalling') || has('media') ? startDatabase(composition) : undefined,
    has('sfu') ? startSfu(composition, recordingShelfOf(composition, late)) : connectSfu(composition),
  ])
  const turn = has('turn') ? await startTurn(composition, sfu) : undefined
  const state = { draining: false }
  mountHealth(composition, state, async () => {
    await pool?.query('select 1')
  })
  const media =
    has('media') && pool ? await startMedia(composition, pool, deskOf(composition, late)) : undefined
  if (media) late.media = media
  const shelf = media?.shelf ?? httpShelf(composition)
  const signalling =
    has('signalling') && pool
      ? await startSignalling(composition, { pool, sfu: sfu?.sfu, isDemo, turn, shelf })
      : undefined
  if (signalling) late.signalling = signalling
  if (signalling && !media && settings.MEDIA_URL) app.use(proxyTo(settings.MEDIA_URL))
  const inviteRoom = `welcome-${vault.key('invite room').toString('hex').slice(0, 10)}`
  await signalling?.ensureGuestRoom(inviteRoom, 'Welcome')
  if (signalling) mountDemo(composition, isDemo)
  finish()
  listener.serve(app)
  return {
    origin: listener.origin,
    port: listener.port,
    announcedAddress,
    dataFolder,
    firstApiKey: settings.TRUNKLINE_API_KEY ? undefined : signalling?.firstApiKey?.key,
    isDemo,
    warnings: composition.warnings,
    inviteRoom,
    close: async () => {
      if (turn && settings.TURN_DRAIN_SECONDS > 0 && !lifecycle.closing) {
        state.draining = true
        // Everything else goes on meanwhile: who is in a call stays in it.
        await turn.drain(settings.TURN_DRAIN_SECONDS * 1000)
      }
      // While signalling here and elsewhere can still be told.
      if (!lifecycle.closing)
        await sfu?.leave?.().catch(error => logger.error({ err: error }, 'calls were not given away'))
      await lifecycle.close()
    },
  }
}

/** Where links to files lead browsers on to: the demo's pages may show what comes from there. */
const fileOriginsOf = ({
  FILE_REDIRECTS,
  S3_BUCKET,
  S3_PUBLIC_ENDPOINT,
  S3_ENDPOINT,
}: Settings): string[] => {
  if (!FILE_REDIRECTS) return []
  const endpoint = S3_PUBLIC_ENDPOINT ?? S3_ENDPOINT
  if (endpoint) return [new URL(endpoint).origin]
  return S3_BUCKET ? ['https://*.amazonaws.com'] : []
}

/** Waits for all, also when one fails: what was started must be known before it can be closed. */
const allOrNothing = async <T extends readonly unknown[]>(
  work: readonly [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> => {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.map(result => (result as PromiseFulfilledResult<unknown>).value) as never
}

const findTls = async (
  { settings, services, https }: PlatformOptions,
  dataFolder: string,
  announcedAddress: string,
): Promise<Tls | undefined> => {
  const { TLS_CERT, TLS_KEY } = settings
  // What TURN alone serves over HTTP is for neighbours and monitoring: the certificate is for relays then.
  if (services.size === 1 && services.has('turn')) return undefined
  if (TLS_CERT && TLS_KEY) return { certPath: TLS_CERT, keyPath: TLS_KEY }
  return https ? ensureCertificate(dataFolder, announcedAddress) : undefined
}

const closeServer = ({ server }: Listener): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const startDatabase = async ({ settings, dataFolder, logger, lifecycle }: Composition): Promise<pg.Pool> => {
  let url = settings.DATABASE_URL
  if (!url) {
    const postgres = await startPostgres({ dataFolder, logger })
    lifecycle.add('database', () => postgres.close())
    url = postgres.url
  }
  const pool = openPool(url, logger)
  lifecycle.add('database connections', () => pool.end())
  await pool.query('select 1').catch((error: Error) => {
    if (!settings.DATABASE_URL) throw error
    throw new ConfigError(
      `The database named by DATABASE_URL cannot be reached: ${error.message}. Start it, or correct DATABASE_URL.`,
    )
  })
  return pool
}

/** The SFUs of other processes, when there are any. */
const connectSfu = async (composition: Composition): Promise<RunningSfu | undefined> => {
  const { settings, services, vault, logger, lifecycle, fleet } = composition
  if (!services.has('signalling')) return undefined
  if (fleet) return { sfu: findFleet(composition, fleet), ports: [] }
  if (!settings.SFU_URL) {
    composition.warnings.push(
      'Calls are off: this process has no SFU. Set SFU_URL to where `npm start sfu` runs, or REDIS_URL here and there.',
    )
    return undefined
  }
  const link = connectLink({
    url: settings.SFU_URL,
    secret: linkSecret(vault),
    contract: SFU_CONTRACT,
    logger,
  })
  lifecycle.add('link to the SFU', () => link.close())
  return { sfu: link, ports: [] }
}

const startSignalling = async (
  composition: Composition,
  deps: {
    pool: pg.Pool
    sfu: Sfu | undefined
    isDemo: boolean
    turn: RunningTurn | undefined
    shelf: FileShelf | undefined
  },
): Promise<Signalling> => {
  const { settings, services, vault, logger, lifecycle, listener, app, warnings, metrics } = composition
  if (!hasTurn(settings, services)) {
    warnings.push(
      'People behind firewalls cannot call: there is no TURN. Set TURN_LINKS to where `npm start turn` runs, or TURN_URLS.',
    )
  }
  const redis = settings.REDIS_URL ? await openRedis(settings.REDIS_URL, composition) : undefined
  const signalling = await createSignalling({
    logger,
    httpServer: listener.server,
    pool: deps.pool,
    redis,
    sfu: deps.sfu,
    vault,
    iceServers: {
      urls: settings.TURN_URLS,
      secret: turnSecrets(settings, vault)[0] ?? '',
      credentialSeconds: settings.TURN_CREDENTIAL_SECONDS,
    },
    turnServices: [...(deps.turn ? [deps.turn.service] : []), ...connectTurns(composition)],
    demo: deps.isDemo,
    shelf: deps.shelf,
    linkSecret: linkSecret(vault),
    apiKey: settings.TRUNKLINE_API_KEY,
    eventStream: settings.EVENTS_REDIS_URL
      ? {
          redis: await expectRedis(settings.EVENTS_REDIS_URL, composition),
          stream: settings.EVENTS_STREAM,
          length: settings.EVENTS_STREAM_LENGTH,
        }
      : undefined,
    // Who tries it out has the receiver on the same machine.
    webhooksMayBePrivate: settings.WEBHOOK_PRIVATE_TARGETS ?? isLoopback(settings.HOST),
    push: pushSettings(settings),
    metrics,
  })
  lifecycle.add('signalling', () => signalling.close())
  app.use(signalling.router)
  return signalling
}

/** Half a key is none: `checkTogether` has refused it. */
const pushSettings = (settings: Settings): PushSettings => {
  const { APNS_KEY, APNS_KEY_ID, APNS_TEAM_ID, FCM_ACCOUNT, PUSH_PROVIDER_URL, PUSH_PROVIDER_SECRET } =
    settings
  return {
    vapidSubject: settings.VAPID_SUBJECT,
    vapidPrivateKey: settings.VAPID_PRIVATE_KEY,
    ...(APNS_KEY &&
      APNS_KEY_ID &&
      APNS_TEAM_ID && {
        apns: { url: settings.APNS_URL, key: APNS_KEY, keyId: APNS_KEY_ID, teamId: APNS_TEAM_ID },
      }),
    ...(FCM_ACCOUNT && {
      fcm: {
        url: settings.FCM_URL,
        projectId: FCM_ACCOUNT.project_id,
        clientEmail: FCM_ACCOUNT.client_email,
        privateKey: FCM_ACCOUNT.private_key,
        tokenUri: FCM_ACCOUNT.token_uri,
      },
    }),
    ...(PUSH_PROVIDER_URL &&
      PUSH_PROVIDER_SECRET && { provider: { url: PUSH_PROVIDER_URL, secret: PUSH_PROVIDER_SECRET } }),
    idsOnly: settings.PUSH_IDS_ONLY,
    privateTargets: settings.PUSH_PRIVATE_TARGETS,
    whenAway: settings.PUSH_WHEN_AWAY,
  }
}

/** What others need that were started before it. */
type Late = { signalling?: Signalling; media?: Media }

/** Where the SFU of this process keeps what it records; nowhere without a media service. */
const recordingShelfOf = (
  composition: Composition,
  late: Late,
): Pick<FileShelf, 'putPart' | 'stream'> | undefined => {
  if (!composition.services.has('media')) return httpShelf(composition)
  const shelf = (): FileShelf => {
    if (late.media) return late.media.shelf
    throw new TrunklineError('unavailable', 'This server is starting. Try again in a moment.')
  }
  return {
    putPart: async (...args) => shelf().putPart(...args),
    stream: async order => shelf().stream(order),
  }
}

/** How media learns who may do what: from signalling in this process, or in another. */
const deskOf = ({ settings, services, vault, logger }: Composition, late: Late): RoomDesk => {
  // Only settings with one of the two get here.
  if (!services.has('signalling')) {
    const signallingUrl = settings.SIGNALLING_URL ?? ''
    return createHttpDesk({ signallingUrl, secret: linkSecret(vault), logger })
  }
  const desk = (): RoomDesk => {
    if (late.signalling) return late.signalling.desk
    throw new TrunklineError('unavailable', 'This server is starting. Try again in a moment.')
  }
  return {
    roleOf: async (...args) => desk().roleOf(...args),
    readable: async (...args) => desk().readable(...args),
    assertMaySetAvatar: async (...args) => desk().assertMaySetAvatar(...args),
    setAvatar: async (...args) => desk().setAvatar(...args),
    // Media goes on at once with what an earlier process left: its jobs try again what comes too early.
    tell: async (...args) => desk().tell(...args),
    tellRecording: async (...args) => desk().tellRecording(...args),
    tellStream: async (...args) => desk().tellStream(...args),
  }
}

/** How signalling reaches files of a media service in another process. */
const httpShelf = ({ settings, vault }: Composition): FileShelf | undefined =>
  settings.MEDIA_URL
    ? createHttpShelf({ mediaUrl: settings.MEDIA_URL, secret: linkSecret(vault) })
    : undefined

const startMedia = async (
  { settings, dataFolder, vault, logger, lifecycle, app, metrics }: Composition,
  pool: pg.Pool,
  desk: RoomDesk,
): Promise<Media> => {
  const store = await openStore(storeOf(settings, dataFolder))
  lifecycle.add('store', () => store.close())
  const media = await createMedia({
    logger,
    pool,
    objects: store.objects,
    staging: store.staging,
    desk,
    folder: join(dataFolder, 'media'),
    linkSecret: linkSecret(vault),
    linkKey: fileLinkKey(vault),
    scanUrl: settings.SCAN_URL,
    uploadBytes: settings.UPLOAD_MAX_MB * MEGABYTE,
    userFilesBytes: settings.USER_QUOTA_MB * MEGABYTE,
    keepsOriginals: settings.PICTURE_ORIGINALS === 'keep',
    makesSmallVideos: settings.VIDEO_SMALL,
    redirects: settings.FILE_REDIRECTS,
    streams: settings.LIVE_STREAMS,
    allowsPrivateTargets: settings.LIVE_PRIVATE_TARGETS,
  })
  lifecycle.add('media', () => media.close())
  countLive(metrics, media)
  app.use(media.router)
  return media
}

/** Where files are kept: a bucket where one is named, else the data folder. */
const storeOf = (settings: Settings, dataFolder: string): StoreSettings => {
  const { S3_BUCKET, S3_ENDPOINT, S3_PUBLIC_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } =
    settings
  if (!S3_BUCKET) return { folder: join(dataFolder, 'files') }
  const credentials =
    S3_ACCESS_KEY_ID && S3_SECRET_ACCESS_KEY
      ? { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY }
      : undefined
  return {
    s3: {
      bucket: S3_BUCKET,
      endpoint: S3_ENDPOINT,
      publicEndpoint: S3_PUBLIC_ENDPOINT,
      region: S3_REGION,
      credentials,
    },
  }
}
