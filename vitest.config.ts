import { defineConfig } from 'vitest/config'

/** Real WebRTC in Node: run apart by provision/test.ts, which says why. */
const LIBWEBRTC = ['sfu/src/media.test.ts', 'sfu/src/media-leak.test.ts', 'test/src/sdk.test.ts']

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
          testTimeout: 90_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
