/**
 * Reads what we need out of mediasoup's meson.build files: lists of strings, and which parts of them an
 * option switches on. Not an interpreter: the lists are plain, and a release that changes that shows up as
 * an empty list, which the caller refuses.
 */

export type MesonOptions = Readonly<Record<string, boolean>>

/** The defaults of the boolean options declared in a `meson_options.txt`. */
export function readMesonOptions(text: string): MesonOptions {
  const options: Record<string, boolean> = {}
  for (const match of text.matchAll(/option\(\s*'(\w+)'([^)]*)\)/g)) {
    const [, name, rest] = match
    const value = /value\s*:\s*(true|false)/.exec(rest ?? '')?.[1]
    if (name && value) options[name] = value === 'true'
  }
  return options
}

/**
 * All strings of the list `name`: its assignment (`name = [...]`) and every addition (`name += [...]`) in a
 * branch that is taken, in the order they stand there.
 */
export function readMesonList(text: string, name: string, options: MesonOptions = {}): string[] {
  const start = new RegExp(`^\\s*${name}\\s*(?:\\+?=|:)\\s*\\[`)
  const branches: boolean[] = []
  const found: string[] = []
  let open = false
  for (const raw of text.split('\n')) {
    const line = stripComment(raw)
    if (!open) {
      const condition = /^\s*if\s+(.*)$/.exec(line)?.[1]
      if (condition !== undefined) branches.push(holds(condition, options))
      else if (/^\s*else\b/.test(line)) branches.push(!(branches.pop() ?? true))
      else if (/^\s*elif\b/.test(line)) branches.splice(-1, 1, false)
      else if (/^\s*endif\b/.test(line)) branches.pop()
      open = start.test(line)
      if (!open) continue
    }
    if (!branches.includes(false)) found.push(...strings(line.replace(start, '')))
    if (line.includes(']')) open = false
  }
  return found
}

/** The extra sources of `executable('<target>', sources: common_sources + [...])`. */
export function readExecutableSources(text: string, target: string): string[] {
  const call = new RegExp(`executable\\(\\s*'${target}',[\\s\\S]*?\\n\\)`).exec(text)?.[0] ?? ''
  const extra = /sources\s*:[^[\n]*\[([^\]]*)\]/.exec(call)?.[1] ?? ''
  return strings(extra)
}

/** Only conditions that occur there: an option, its negation, and the host's system. */
function holds(condition: string, options: MesonOptions): boolean {
  const option = /^(not\s+)?get_option\('(\w+)'\)$/.exec(condition.trim())
  if (option) return (options[option[2] ?? ''] ?? false) !== Boolean(option[1])
  const system = /host_machine\.system\(\)\s*==\s*'(\w+)'/.exec(condition)
  return system?.[1] === 'linux'
}

function strings(text: string): string[] {
  return [...text.matchAll(/'([^']*)'/g)].map(match => match[1] ?? '')
}

function stripComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, '$1')
}
