/**
 * Halves the time until the platform is ready: most of it was Node's, reading some 1,500 modules (docs/performance.md).
 * Nothing here changes what is read, and where it does not work, the start takes as long as ever.
 */
import { enableCompileCache, registerHooks } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Compiled code is kept between starts. In a folder of this account's: from one that others can write to, it would be
// their code that runs.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trunkline', 'compiled'))

const DRIZZLE = '/node_modules/drizzle-orm/'

// To learn what kind of module a file is, Node parses the package.json above it, again for every file. That of
// drizzle-orm has 180 kB, for its thousands of exports: half a second of a start. Its `.js` are all ECMAScript modules.
registerHooks({
  resolve: (specifier, context, next) =>
    context.parentURL?.includes(DRIZZLE) && /^\.\.?\/.*\.js$/.test(specifier)
      ? { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true }
      : next(specifier, context),
})
