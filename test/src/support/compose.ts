import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export type ComposeService = {
  image: string
  build?: string
  command?: string[]
  environment?: Record<string, string | number>
  ports?: string[]
  volumes?: string[]
  network_mode?: string
  profiles?: string[]
  entrypoint?: string[]
  extra_hosts?: string[]
  stop_grace_period?: string
  restart?: string
  healthcheck?: object
  depends_on?: Record<string, { condition: string }>
}

export type Compose = { services: Record<string, ComposeService>; volumes: Record<string, unknown> }

const fileOf = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

/** Text of a file at the root of the repo. */
export const readRoot = (name: string): string => readFileSync(fileOf(name), 'utf8')

/** docker-compose.yml with its anchors resolved and its variables not. */
export const readCompose = (): Compose => parse(readRoot('docker-compose.yml'), { merge: true })

/** `NAME=value` of each line of .env.example. */
export const readEnvExample = (): Record<string, string> => {
  const lines = [...readRoot('.env.example').matchAll(/^([A-Z0-9_]+)=(.*)$/gm)]
  const names = lines.map(([, name]) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice) throw new Error(`.env.example documents ${twice} twice`)
  return Object.fromEntries(lines.map(([, name, value]) => [name, value]))
}

/** Names of the variables a text asks for, also within the default of another. */
export const variablesOf = (text: string): string[] => [
  ...new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name]) => name as string)),
]

/**
 * `${NAME}`, `${NAME:-default}` and `${NAME:?what to do}` as compose replaces them, an empty variable being an unset one.
 * @throws Error `NAME: what to do` for a missing variable that is required
 */
export const interpolate = (text: string, env: Readonly<Record<string, string>>): string => {
  // From the inside out: a default may hold variables of its own.
  const innermost = /\$\{([A-Z0-9_]+)(?::([-?])([^{}]*))?\}/
  let result = text
  for (let match = innermost.exec(result); match; match = innermost.exec(result)) {
    const [whole, name = '', kind, rest = ''] = match
    const value = env[name]
    if (!value && kind === '?') throw new Error(`${name}: ${rest}`)
    result = result.replace(whole, () => value || (kind === '-' ? rest : ''))
  }
  return result
}

/** A service's environment as its container gets it. */
export const environmentOf = (
  service: ComposeService,
  env: Readonly<Record<string, string>>,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolate(String(value), env)]),
  )

export type PublishedPort = {
  host: string | undefined
  published: [number, number]
  target: [number, number]
  protocol: string
}

/** `[host:]published[-to]:target[-to][/protocol]` */
export const parsePort = (text: string): PublishedPort => {
  const match = /^(?:([\d.]+):)?(\d+)(?:-(\d+))?:(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(text)
  if (!match) throw new Error(`not a port: ${text}`)
  const [, host, from, to, target, targetTo, protocol = 'tcp'] = match
  return {
    host,
    published: [Number(from), Number(to ?? from)],
    target: [Number(target), Number(targetTo ?? target)],
    protocol,
  }
}
