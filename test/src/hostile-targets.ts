import { OPERATIONS, type Operation, type OperationName, ROUTES, type RouteName } from '@trunkline/protocol'
import { fixtureOf } from './hostile-stage.ts'

type Fields = Record<string, unknown>

/** Something REST offers, from either table: where it is, and what it takes. */
export type Target = {
  name: string
  method: string
  status: number
  /** Its path with this id wherever one stands. */
  pathOf(id?: string): string
  hasParams: boolean
  isForAnyone: boolean
  /** Bodies it takes and refuses; undefined where it reads none as JSON. */
  bodies: { valid: Fields[]; invalid: [string, unknown][] } | undefined
}

/** What routes cannot do without in their query. */
const QUERIES: Partial<Record<RouteName, string>> = {
  createFile: '?name=a.txt',
  listFiles: '?ids=file_1',
  deletePushTemplate: '?type=digest&locale=de',
  getLinkedFile: '?user=ada&until=1795000000&signature=c2lnbmF0dXJl',
}

const routeTarget = (name: RouteName): Target => {
  const route = ROUTES[name]
  const hasBody = 'body' in route && route.body !== 'bytes'
  return {
    name,
    method: route.method.toUpperCase(),
    status: route.status,
    pathOf: (id = 'room-1') =>
      `${route.path.replace('{id}', id).replace('{variant}', 'thumb128')}${QUERIES[name] ?? ''}`,
    hasParams: 'params' in route,
    isForAnyone: (route.callers as readonly string[]).includes('anyone'),
    bodies: hasBody
      ? {
          valid: Object.values(fixtureOf(`rest/${name}.body`).valid) as Fields[],
          invalid: Object.entries(fixtureOf(`rest/${name}.body`).invalid),
        }
      : undefined,
  }
}

const operationTarget = (name: OperationName): Target => {
  const { rest, request }: Operation = OPERATIONS[name]
  const inPath = [...rest.path.matchAll(/\{(\w+)\}/g)].map(([, field]) => field as string)
  const fixture = fixtureOf(`requests/${name}`)
  const [example] = Object.values(fixture.valid) as Fields[]
  const hasBody = rest.method !== 'get' && rest.method !== 'delete'
  const inBody = (value: Fields) =>
    Object.fromEntries(Object.entries(value).filter(([field]) => !inPath.includes(field)))
  const isObject = (value: unknown): value is Fields =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  const pathFields = Object.fromEntries(inPath.map(field => [field, example?.[field]]))
  return {
    name,
    method: rest.method.toUpperCase(),
    status: rest.status,
    pathOf: id =>
      inPath.reduce((path, field, index) => {
        const value = index === 0 ? (id ?? 'room-1') : encodeURIComponent(String(example?.[field]))
        return path.replace(`{${field}}`, value)
      }, rest.path),
    hasParams: inPath.length > 0,
    isForAnyone: false,
    bodies: hasBody
      ? {
          valid: (Object.values(fixture.valid) as Fields[]).map(inBody),
          // Where the fault lies in the path, the body has none.
          invalid: Object.entries(fixture.invalid).flatMap(([what, value]) => {
            const body = isObject(value) ? inBody(value) : value
            const isFault = !isObject(body) || !request.safeParse({ ...body, ...pathFields }).success
            return isFault ? [[what, body] as [string, unknown]] : []
          }),
        }
      : undefined,
  }
}

/** All of REST. */
export const TARGETS: readonly Target[] = [
  ...(Object.keys(ROUTES) as RouteName[]).map(routeTarget),
  ...(Object.keys(OPERATIONS) as OperationName[]).map(operationTarget),
]

export const targetOf = (name: RouteName | OperationName): Target => {
  const target = TARGETS.find(candidate => candidate.name === name)
  if (!target) throw new Error(`${name} is not offered`)
  return target
}
