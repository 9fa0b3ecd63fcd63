import { setTimeout as sleep } from 'node:timers/promises'
import { createRedis, Directory, type DirectoryChange } from '@trunkline/kit'
import { SfuEntry } from '@trunkline/protocol'
import { onTestFinished, test, vi } from 'vitest'
import { silent } from './support/database.ts'
import { startRedis } from './support/redis.ts'

const WAIT = { timeout: 30_000, interval: 20 }
const schema = SfuEntry.pick({ load: true })

/** One process's view, over a connection of its own. */
const open = async (url: string) => {
  const redis = await createRedis(url, silent)
  onTestFinished(() => redis.destroy())
  await redis.connect()
  const directory = await Directory.open({ redis, name: 'test', schema, logger: silent })
  onTestFinished(() => directory.close())
  const seen: DirectoryChange[] = []
  directory.onChange(change => void seen.push(change))
  return { directory, redis, seen, went: () => seen.flatMap(({ went }) => went) }
}

const ids = ({ members }: Directory<unknown>) => [...members.keys()].sort()

test('members are seen with what they say of themselves, until they stop or are silent', async ({
  expect,
}) => {
  const redis = await startRedis(onTestFinished)
  const [a, b, watcher] = [await open(redis.url), await open(redis.url), await open(redis.url)]
  let load = 1
  const announced = await a.directory.announce('a', () => ({ load }))
  await b.directory.announce('b', async () => ({ load: 7 }))
  await vi.waitFor(() => expect(ids(watcher.directory)).toEqual(['a', 'b']), WAIT)
  expect(watcher.directory.members.get('b')).toEqual({ load: 7 })
  load = 2
  await vi.waitFor(() => expect(watcher.directory.members.get('a')).toEqual({ load: 2 }), WAIT)
  expect(watcher.seen.flatMap(({ changed }) => changed)).toContain('a')
  // Who opens later sees them at once.
  expect(ids((await open(redis.url)).directory)).toEqual(['a', 'b'])

  await announced.stop()
  await vi.waitFor(() => expect(watcher.went()).toEqual(['a']), WAIT)
  // As a process that was killed.
  b.redis.destroy()
  await vi.waitFor(() => expect(watcher.went()).toEqual(['a', 'b']), WAIT)
  expect(ids(watcher.directory)).toEqual([])
})

test('an outage of Redis, and one that comes back empty, end no member', async ({ expect }) => {
  const redis = await startRedis(onTestFinished)
  const [a, watcher] = [await open(redis.url), await open(redis.url)]
  await a.directory.announce('a', () => ({ load: 1 }))
  await vi.waitFor(() => expect(ids(watcher.directory)).toEqual(['a']), WAIT)
  await redis.kill()
  // Longer than a member may be silent while Redis is there.
  await sleep(4_000)
  expect(ids(watcher.directory)).toEqual(['a'])
  await redis.restart()
  const late = await open(redis.url)
  await vi.waitFor(() => expect(ids(late.directory)).toEqual(['a']), WAIT)
  expect(watcher.went()).toEqual([])
  // It is believed again that who is silent is gone.
  a.redis.destroy()
  await vi.waitFor(() => expect(watcher.went()).toEqual(['a']), WAIT)
})

test('what cannot be read, or does not fit, is passed over; a member that cannot say what it is, is none', async ({
  expect,
}) => {
  const redis = await startRedis(onTestFinished)
  const [a, watcher] = [await open(redis.url), await open(redis.url)]
  await a.redis.sAdd('trunkline:directory:test', ['junk', 'other'])
  await a.redis.set('trunkline:directory:test:junk', '{')
  await a.redis.set('trunkline:directory:test:other', '{"load":"much"}')
  await a.directory.announce('mute', () => Promise.reject(new Error('not now')))
  await a.directory.announce('a', () => ({ load: 1 }))
  await vi.waitFor(() => expect(ids(watcher.directory)).toEqual(['a']), WAIT)
})
