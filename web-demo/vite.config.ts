import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// A test runner that builds this has a NODE_ENV of its own, and would get the libraries' development code.
process.env.NODE_ENV = 'production'

// The demo's page, and what other people's pages load: a room to place, and the SDK by itself for those without a bundler.
export default defineConfig({
  root: here('.'),
  build: {
    outDir: here('dist'),
    emptyOutDir: true,
    target: 'es2022',
    // The entries share one chunk of nearly everything; splitting it further only adds round trips.
    chunkSizeWarningLimit: 1_000,
    rollupOptions: {
      input: {
        index: here('index.html'),
        embed: here('src/embed.ts'),
        sdk: here('../sdk/js/src/index.ts'),
        'push-worker': here('src/push/worker.ts'),
      },
      // The SDK is there for what it exports.
      preserveEntrySignatures: 'exports-only',
      output: {
        entryFileNames: chunk =>
          ['embed', 'sdk', 'push-worker'].includes(chunk.name) ? '[name].js' : 'assets/[name]-[hash].js',
      },
    },
  },
})
