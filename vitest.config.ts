import { defineConfig } from 'vitest/config'
import { LOADS_FAST } from './test/src/support/fast-loading.ts'

/** Real WebRTC in Node: run apart by provision/test.ts, which says why. */
const LIBWEBRTC = [
  'sfu/src/media.test.ts',
  'sfu/src/media-leak.test.ts',
  'sfu/src/places.test.ts',
  'test/src/calls-webinar.test.ts',
  'sfu/src/remote/remote-media.test.ts',
  'test/src/sdk.test.ts',
  'test/src/calls-resume.test.ts',
  'test/src/calls-drain.test.ts',
  'test/src/fleet.test.ts',
  'test/src/calls-sockets.test.ts',
  'test/src/whep-libwebrtc.test.ts',
]

const named = (...names: string[]) => names.map(name => `test/src/${name}.test.ts`)
/**
 * Files that promise an answer within a second or so of a browser, measure pictures and lines, start the largest of
 * browsers, or attack with all they have: nothing runs beside them.
 */
const ALONE = named(
  'attack*',
  'call-quality.browser',
  'calls-resume.browser',
  'firefox.browser',
  'whep-firefox.browser',
  'messenger-channel.browser',
)
/**
 * Files that hold a call of several pictures, or promise answers of several nodes within a second: they take about one
 * processor, so that two of them run at once. A file is safe beside others unless it stands here or above: it has its own
 * servers, ports and folders, and what it looks at is what is answered, not how soon.
 */
const IN_PAIRS = named(
  'call*.browser',
  'live.browser',
  'nodes',
  'processes',
  'rooms-calls',
  'rooms-nodes',
  'turn-call.browser',
)

/**
 * Files about what lasts: services killed again and again, disks that fill, lines that are cut or lose, thousands of joins.
 * `npm run test:long` runs them, `npm test` does not: together they take long, and few changes have to do with them.
 */
const LONG = [
  // Kills between what is sent and what is acknowledged, of servers, databases and Redis.
  ...named('chaos', 'durability', 'webhooks-chaos'),
  // Machines of a fleet that die, and what of their rooms goes on elsewhere.
  ...named('fleet-rooms'),
  // Kills in the middle of what takes long itself: calls, uploads, films, streams, exports; a disk that is full.
  ...named('calls-recording-survival', 'calls-sfu-death', 'live-reconnect', 'live-survival'),
  ...named('portable-data-crash', 'uploads'),
  'media/src/crash.test.ts',
  'turn/src/fleet/losses.test.ts',
  // What is done thousands of times leaves nothing behind.
  ...named('calls-soak'),
  'turn/src/fuzz.test.ts',
]
/**
 * Of those, the ones beside which nothing runs: joins one after the other, calls over bad lines, on machines that die, and
 * without Redis or SFU.
 */
const LONG_ALONE = named(
  'calls-join.browser',
  'calls-network.browser',
  'calls-remote-worker.browser',
  'fleet.browser',
  'fleet-outages',
)

/** What is made for a whole run. */
const DATABASE = 'test/src/support/make-database-template.ts'
/** That, and what is looked for at its end. */
const SETUP = ['test/src/support/nothing-left.ts', DATABASE]

/** How long `expect.poll` looks: a second, its own default, is little on a machine that does something else as well. */
const POLLING = { poll: { timeout: 15_000, interval: 25 } }

/** Files that run beside each other, on two cores: half of their time they wait, for what is due or for who was killed. */
const BESIDE_EACH_OTHER = 3

// The two large projects share one pool of workers, so that neither waits for the other's last file.
export default defineConfig({
  test: {
    // Of the tests that say they are concurrent, in one file.
    maxConcurrency: 2,
    projects: [
      {
        test: {
          name: 'libwebrtc',
          globalSetup: SETUP,
          include: LIBWEBRTC,
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          // One of them waits for tokens to expire and for people to come back, for about as long as the others work.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          globalSetup: SETUP,
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...LIBWEBRTC, ...IN_PAIRS, ...ALONE, ...LONG, ...LONG_ALONE],
          execArgv: [...LOADS_FAST],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: BESIDE_EACH_OTHER,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'unit',
          globalSetup: DATABASE,
          include: ['{kit,signalling,sfu,turn,media,cli,provision}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', ...LIBWEBRTC, ...LONG],
          execArgv: [...LOADS_FAST],
          expect: POLLING,
          testTimeout: 40_000,
          hookTimeout: 40_000,
          maxWorkers: BESIDE_EACH_OTHER,
          sequence: { groupOrder: 1 },
        },
      },
      // Of packages that start no process and keep nothing: their files share a process, as half of their time went to ones
      // of their own.
      {
        test: {
          name: 'pure',
          include: ['{protocol,sdk/js,web-demo}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**'],
          isolate: false,
          expect: POLLING,
          testTimeout: 40_000,
          hookTimeout: 40_000,
          maxWorkers: BESIDE_EACH_OTHER,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'pairs',
          globalSetup: SETUP,
          include: IN_PAIRS,
          exclude: ['**/node_modules/**', ...ALONE, ...LONG, ...LONG_ALONE],
          execArgv: [...LOADS_FAST],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'alone',
          globalSetup: SETUP,
          include: ALONE,
          execArgv: [...LOADS_FAST],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'long',
          globalSetup: SETUP,
          include: LONG,
          execArgv: [...LOADS_FAST],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: BESIDE_EACH_OTHER,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: 'long-alone',
          globalSetup: SETUP,
          include: LONG_ALONE,
          execArgv: [...LOADS_FAST],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
})
