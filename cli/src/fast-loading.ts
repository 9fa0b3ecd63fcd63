/**
 * Halves the time until the platform is ready: most of it was Node's, reading some 1,500 modules (docs/performance.md).
 * Nothing here changes what is read, and where it does not work, the start takes as long as ever.
 */
import { enableCompileCache, type ResolveFnOutput, registerHooks } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Compiled code is kept between starts. In a folder of this account's: from one that others can write to, it would be
// their code that runs.
const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trunkline', 'compiled')
enableCompileCache(folder)
// For the processes it starts as well.
process.env.NODE_COMPILE_CACHE ??= folder

// To learn what a file is that another names, Node asks the disk for each import, and parses the package.json above it, that
// of drizzle-orm with 180 kB for its thousands of exports again and again: half a second of a start. Of our own sources, and
// of packages of many files that are ECMAScript modules all, the name says it. There is one drizzle-orm, so that its name
// means the same everywhere.
const MODULES = /\/node_modules\/(?:drizzle-orm|jose|pg-boss|zod)\//
const named = new Map<string, ResolveFnOutput>()

/** What a relative name means, where that needs no look at the disk. */
const beside = (specifier: string, parentURL: string): ResolveFnOutput | undefined => {
  if (!/^\.\.?\//.test(specifier)) return undefined
  const found = (format: string) => ({ url: new URL(specifier, parentURL).href, format, shortCircuit: true })
  if (specifier.endsWith('.ts') && !parentURL.includes('/node_modules/')) return found('module-typescript')
  if (specifier.endsWith('.js') && MODULES.test(parentURL)) return found('module')
  return undefined
}

registerHooks({
  resolve: (specifier, context, next) => {
    const near = context.parentURL && beside(specifier, context.parentURL)
    if (near) return near
    if (!/^drizzle-orm(\/|$)/.test(specifier) || !context.conditions.includes('import'))
      return next(specifier, context)
    const known = named.get(specifier) ?? next(specifier, context)
    named.set(specifier, known)
    return { ...known, shortCircuit: true }
  },
})
