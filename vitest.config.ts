import { defineConfig } from 'vitest/config'

/** Real WebRTC in Node: run apart by provision/test.ts, which says why. */
const LIBWEBRTC = ['sfu/src/media.test.ts', 'sfu/src/media-leak.test.ts', 'test/src/sdk.test.ts']

/** How long `expect.poll` looks: a second, its own default, is little on a machine that does something else as well. */
const POLLING = { poll: { timeout: 15_000, interval: 25 } }

// Unit tests run in parallel; what crosses a package starts servers, databases and browsers of its own, and
// two cores carry one such file at a time.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'libwebrtc',
          globalSetup: 'test/src/support/nothing-left.ts',
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
          name: 'integration',
          globalSetup: 'test/src/support/nothing-left.ts',
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...LIBWEBRTC],
          expect: POLLING,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
