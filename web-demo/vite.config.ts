import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// A test runner that builds this has a NODE_ENV of its own, and would get the libraries' development code.
process.env.NODE_ENV = 'production'

// Two entries over the same components: the demo's page, and the script other people's pages load.
export default defineConfig({
  root: here('.'),
  build: {
    outDir: here('dist'),
    emptyOutDir: true,
    target: 'es2022',
    // The two entries share one chunk of nearly everything; splitting it further only adds round trips.
    chunkSizeWarningLimit: 1_000,
    rollupOptions: {
      input: { index: here('index.html'), embed: here('src/embed.ts') },
      output: {
        entryFileNames: chunk => (chunk.name === 'embed' ? 'embed.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
})
