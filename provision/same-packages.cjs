// Exits with 0 when node_modules holds exactly what package-lock.json asks for. Runs under any Node.
'use strict'

const { readFileSync } = require('node:fs')

function versions(file) {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(
    Object.entries(packages)
      .filter(([path]) => path.includes('node_modules/'))
      .map(([path, entry]) => [path, entry]),
  )
}

function same() {
  const wanted = versions('package-lock.json')
  const present = versions('node_modules/.package-lock.json')
  for (const [path, entry] of wanted) {
    const there = present.get(path)
    // Optional ones may be for another system.
    if (there ? there.version !== entry.version : !entry.optional) return false
  }
  for (const path of present.keys()) if (!wanted.has(path)) return false
  return true
}

try {
  process.exitCode = same() ? 0 : 1
} catch {
  process.exitCode = 1
}
