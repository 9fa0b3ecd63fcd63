/** What a build needs to know beside its sources. All paths absolute. */
export interface NinjaPlan {
  /** The compiler's arguments without input and output. */
  readonly flags: readonly string[]
  readonly libraries: readonly string[]
  readonly objects: readonly { readonly source: string; readonly object: string }[]
  readonly flatc: {
    readonly arguments: readonly string[]
    readonly schemas: readonly string[]
    /** Folder the headers are written to; one per schema. */
    readonly output: string
  }
  readonly binary: string
}

/**
 * The build.ninja of the worker: headers from the channel protocol's schemas, one object per unit, one link.
 * The result depends on nothing but the plan, so an interrupted build goes on where it was.
 */
export function ninjaText(plan: NinjaPlan): string {
  const { flatc } = plan
  const headers = flatc.schemas.map(schema => `${flatc.output}/${stem(schema)}.h`)
  const lines = [
    'ninja_required_version = 1.8',
    '',
    'rule flatc',
    `  command = flatc ${flatc.arguments.map(quote).join(' ')} -o ${quote(flatc.output)} $in`,
    '  description = channel protocol',
    '',
    'rule cxx',
    `  command = g++ ${plan.flags.map(quote).join(' ')} -c $in -o $out`,
    '  description = $out',
    '',
    'rule link',
    `  command = g++ -s -o $out $in ${plan.libraries.map(quote).join(' ')}`,
    '  description = link',
    '',
    `build ${paths(headers)}: flatc ${paths(flatc.schemas)}`,
    `build headers: phony ${paths(headers)}`,
    ...plan.objects.map(({ source, object }) => `build ${path(object)}: cxx ${path(source)} || headers`),
    `build ${path(plan.binary)}: link ${paths(plan.objects.map(unit => unit.object))}`,
    `default ${path(plan.binary)}`,
    '',
  ]
  return lines.join('\n')
}

/** Ninja's own status line, `[done/total] what`; anything else is the compiler talking. */
export function parseNinjaStatus(line: string): { done: number; total: number } | undefined {
  const match = /^\[(\d+)\/(\d+)\]/.exec(line)
  return match ? { done: Number(match[1]), total: Number(match[2]) } : undefined
}

/** For the shell that ninja starts. `$` is ninja's own escape. */
function quote(argument: string): string {
  const shell = /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
  return shell.replaceAll('$', '$$')
}

function path(value: string): string {
  return value.replace(/[$ :]/g, '$$$&')
}

function paths(values: readonly string[]): string {
  return values.map(path).join(' ')
}

function stem(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.fbs$/, '')
}
