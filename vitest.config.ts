import { defineConfig } from 'vitest/config'

/** Real WebRTC in Node: run apart by provision/test.ts, which says why. */
const LIBWEBRTC = ['sfu/src/media.test.ts', 'sfu/src/media-leak.test.ts', 'test/src/sdk.test.ts']

/**
 * Files that start servers of their own but mind no other file beside them: what they look at is what is answered, not how
 * soon. Much of their time they wait, for a start or for something that is due, so two of them share two cores.
 */
const PAIRED = [
  'compose',
  'contract-operations',
  'dockerfile',
  'docs',
  'doctor',
  'durability',
  'inbox',
  'lifecycle',
  'messages-*',
  'nodes-items',
  'portable-data*',
  'presence',
  'rest-rules',
  'roles',
  'rooms',
  'sdk-messaging',
  'sdk-starting',
  'search*',
  'sync',
  'uploads',
  'user-deletion',
].map(name => `test/src/${name}.test.ts`)

/** What is made for a whole run, and looked for at its end. */
const SETUP = ['nothing-left', 'database-template'].map(name => `test/src/support/${name}.ts`)

/** How long `expect.poll` looks: a second, its own default, is little on a machine that does something else as well. */
const POLLING = { poll: { timeout: 15_000, interval: 25 } }

// Unit tests run in parallel, and so do those of PAIRED. The others hold calls, drive browsers or count seconds: two cores
// carry one such file at a time, and that is where a new file is.
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
          fileParallelism: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'unit',
          include: ['{protocol,kit,signalling,sfu,turn,media,cli,sdk/js,web-demo,provision}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', ...LIBWEBRTC],
          expect: POLLING,
          testTimeout: 20_000,
          hookTimeout: 30_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'paired',
          globalSetup: SETUP,
          include: PAIRED,
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'integration',
          globalSetup: SETUP,
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...LIBWEBRTC, ...PAIRED],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
