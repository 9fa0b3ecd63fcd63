export type Instruction = { name: string; argument: string; heredoc: string }

/** The instructions of a Dockerfile, continued lines joined, comments left out. */
export const parseDockerfile = (text: string): Instruction[] => {
  const lines = text.split('\n')
  const instructions: Instruction[] = []
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (/^\s*(#|$)/.test(line)) continue
    let whole = line
    while (whole.endsWith('\\')) {
      const next = lines.shift() ?? ''
      if (!/^\s*#/.test(next)) whole = whole.slice(0, -1) + next
    }
    const end = /<<'?(\w+)'?\s*$/.exec(whole)?.[1]
    const heredoc: string[] = []
    while (end && lines.length > 0 && lines[0] !== end) heredoc.push(lines.shift() ?? '')
    if (end) lines.shift()
    const [, name = '', argument = ''] = /^\s*(\w+)\s+(.*)$/s.exec(whole) ?? []
    instructions.push({ name: name.toUpperCase(), argument: argument.trim(), heredoc: heredoc.join('\n') })
  }
  return instructions
}

export type Stage = { image: string; alias: string | undefined; instructions: Instruction[] }

/** The build's stages, each with what follows its FROM. */
export const stagesOf = (instructions: readonly Instruction[]): Stage[] => {
  const stages: Stage[] = []
  for (const instruction of instructions) {
    if (instruction.name === 'FROM') {
      const [, image = '', alias] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(instruction.argument) ?? []
      stages.push({ image, alias, instructions: [] })
    } else {
      stages.at(-1)?.instructions.push(instruction)
    }
  }
  return stages
}

/** Debian packages a stage installs. */
export const aptPackagesOf = ({ instructions }: Stage): string[] =>
  instructions
    .filter(({ name }) => name === 'RUN')
    .flatMap(({ argument }) => /apt-get install ([^&]*)/.exec(argument)?.[1]?.split(/\s+/) ?? [])
    .filter(word => word && !word.startsWith('-'))

/** Sources and destination of a COPY, and the stage they come from. */
export const parseCopy = (
  argument: string,
): { from: string | undefined; sources: string[]; target: string } => {
  const words = argument.split(/\s+/)
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined
  return { from, sources: words.slice(0, -1), target: words.at(-1) ?? '' }
}

/** Whether `.dockerignore` keeps a path out of the build: the last pattern that matches it or a folder above decides. */
export const isIgnored = (path: string, dockerignore: string): boolean => {
  let ignored = false
  for (const line of dockerignore.split('\n').map(text => text.trim())) {
    if (!line || line.startsWith('#')) continue
    const isException = line.startsWith('!')
    const pattern = line
      .replace(/^!/, '')
      .split(/(\*\*\/|\*\*|\*)/)
      .map(part =>
        part === '**/'
          ? '(?:.*/)?'
          : part === '**'
            ? '.*'
            : part === '*'
              ? '[^/]*'
              : part.replaceAll(/[.+?^$()[\]{}|\\]/g, '\\$&'),
      )
      .join('')
    if (new RegExp(`^${pattern}(?:/.*)?$`).test(path)) ignored = !isException
  }
  return ignored
}
