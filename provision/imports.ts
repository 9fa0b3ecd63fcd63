/**
 * Who may import whom, as rules for oxlint's `no-restricted-imports`, which sees static and dynamic imports,
 * of types too. (dependency-cruiser would follow paths, but reads TypeScript only through TypeScript's
 * compiler API, which TypeScript 7 no longer has.)
 */

/** Each package and those of ours it may import. Imports flow one way: this table has no cycles. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  kit: ['protocol'],
  signalling: ['protocol', 'kit'],
  sfu: ['protocol', 'kit'],
  turn: ['protocol', 'kit'],
  media: ['protocol', 'kit'],
  cli: ['protocol', 'kit', 'signalling', 'sfu', 'turn', 'media'],
  'sdk/js': ['protocol'],
  'web-demo': ['sdk'],
}

/** Runs in browsers, so none of Node's modules. Their tests and scripts run in Node. */
const BROWSER = ['protocol', 'sdk/js', 'web-demo']

/** Libraries that only one place may import: the thin edge towards them. */
const EDGES: readonly { library: string; where: string }[] = [
  { library: 'node-turn', where: 'turn/src/control/control.ts' },
  { library: 'sharp', where: 'media/src/pictures/worker/image.ts' },
  { library: '@hyzyla/pdfium', where: 'media/src/pictures/worker/document.ts' },
  { library: '@tus/server', where: 'media/src/uploads/tus-server.ts' },
  { library: 'fluent-ffmpeg', where: 'media/src/av/ffmpeg.ts' },
  { library: 'mediasoup', where: 'sfu/**' },
]

interface Pattern {
  readonly regex: string
  readonly message: string
}

export interface ImportRule {
  readonly files: string[]
  readonly excludeFiles: string[]
  readonly patterns: Pattern[]
}

/** One entry per kind of file. oxlint lets a later entry replace an earlier one, so each is complete. */
export function importRules(): ImportRule[] {
  return Object.entries(LAYERS).flatMap(([folder, allowed]) => {
    const own = [layerPattern(folder, allowed), RELATIVE]
    const inside = EDGES.filter(({ where }) => where.startsWith(`${folder}/`))
    const outside = EDGES.filter(edge => !inside.includes(edge)).map(edgePattern)
    const source = [...own, ...outside, ...(BROWSER.includes(folder) ? [NODE] : [])]
    const narrow = inside.filter(({ where }) => !where.endsWith('**'))
    return [
      // Tests look across, in node_modules too, but not up the layers.
      { files: [`${folder}/**/*.ts`], excludeFiles: [], patterns: own },
      {
        files: [`${folder}/src/**/*.ts`],
        excludeFiles: ['**/*.test.ts', '**/testing/**'],
        patterns: [...source, ...narrow.map(edgePattern)],
      },
      ...narrow.map(edge => ({
        files: [edge.where],
        excludeFiles: [],
        patterns: [...source, ...narrow.filter(other => other !== edge).map(edgePattern)],
      })),
    ]
  })
}

const NODE: Pattern = { regex: '^node:', message: 'This package runs in browsers.' }

const RELATIVE: Pattern = {
  regex: `^(\\.\\./)+(${Object.keys(LAYERS).join('|')})/(src|provision)/`,
  message: 'Import another package by its name.',
}

/** By name, since the linter's regular expressions have no negation. */
function layerPattern(folder: string, allowed: readonly string[]): Pattern {
  const forbidden = Object.keys(LAYERS)
    .map(packageName)
    .filter(name => name !== packageName(folder) && !allowed.includes(name))
  const only = allowed.length > 0 ? `only ${allowed.join(', ')}` : 'no other package of ours'
  return { regex: `^@trunkline/(${forbidden.join('|')})(/|$)`, message: `${folder} may import ${only}.` }
}

function packageName(folder: string): string {
  return folder === 'sdk/js' ? 'sdk' : folder
}

function edgePattern({ library, where }: { library: string; where: string }): Pattern {
  return { regex: `^${library}(/|$)`, message: `Only ${where} may import ${library}.` }
}
