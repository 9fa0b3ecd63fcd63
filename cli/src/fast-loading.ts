/**
 * Halves the time until the platform is ready: most of it was Node's, reading some 1,500 modules (docs/performance.md).
 * Nothing here changes what is read, and where it does not work, the start takes as long as ever.
 */
import { enableCompileCache, type ResolveFnOutput, registerHooks } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Compiled code is kept between starts. In a folder of this account's: from one that others can write to, it would be
// their code that runs.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trunkline', 'compiled'))

// To learn what kind of module a file is, Node parses the package.json above it, again for every file, and again for
// every import that names the package. That of drizzle-orm has 180 kB, for its thousands of exports: half a second of a
// start. Its `.js` are all ECMAScript modules, and there is one drizzle-orm, so that a name means the same everywhere.
const DRIZZLE = '/node_modules/drizzle-orm/'
const named = new Map<string, ResolveFnOutput>()

registerHooks({
  resolve: (specifier, context, next) => {
    if (context.parentURL?.includes(DRIZZLE) && /^\.\.?\/.*\.js$/.test(specifier))
      return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true }
    if (!/^drizzle-orm(\/|$)/.test(specifier) || !context.conditions.includes('import'))
      return next(specifier, context)
    const known = named.get(specifier) ?? next(specifier, context)
    named.set(specifier, known)
    return { ...known, shortCircuit: true }
  },
})
