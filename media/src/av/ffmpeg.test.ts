import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { createLogger } from '@trunkline/kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fence } from '../fence.ts'
import { eventually } from '../testing/eventually.ts'
import { Ffmpeg, FfmpegFault, faultOf, progressOf, type Run, type RunLimits } from './ffmpeg.ts'

let folder = ''
let fence: Fence
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-ffmpeg-'))
  fence = await Fence.open(createLogger({ name: 'test', level: 'silent' }))
})
afterAll(() => rm(folder, { recursive: true }))

const LIMITS: RunLimits = { ms: 10_000, cpuSeconds: 10, memoryBytes: 2 ** 30, fileBytes: 2 ** 20 }

/** Stands in for ffmpeg where the fence around it is tested, not what it makes. */
const program = async (name: string, script: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

const start = (path: string, more: Partial<Run> = {}): Promise<unknown> => {
  const ffmpeg = new Ffmpeg({ ffmpeg: path, ffprobe: path, fence })
  const run: Run = {
    input: ['-an option', '-nostdin'],
    path: join(folder, 'in'),
    outputs: [{ options: ['-an', '-vn'], target: join(folder, 'out.mp4') }],
    limits: LIMITS,
    signal: new AbortController().signal,
    ...more,
  }
  return ffmpeg.run(run).catch((error: unknown) => error)
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const pidsIn = async (name: string): Promise<number[]> =>
  (await readFile(join(folder, name), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number)

/** Deaf to SIGTERM, with a child that is too; says who it is. */
const stuck = (pids: string) => `
trap '' TERM
sh -c 'trap "" TERM; echo $$ >>${pids}; while :; do sleep 0.1; done' &
echo $$ >>${pids}
while :; do sleep 0.1; done`

describe('a run', () => {
  it('kills what does not end, with its children', async () => {
    const path = await program('stuck', stuck(join(folder, 'stuck.pids')))
    const answer = start(path, { limits: { ...LIMITS, ms: 2_000 } })
    await eventually(() => pidsIn('stuck.pids')).toHaveLength(2)
    expect(await answer).toMatchObject({
      name: 'FfmpegFault',
      reason: 'time',
      message: 'killed after 2000 ms',
    })
    const pids = await pidsIn('stuck.pids')
    await eventually(() => pids.filter(isAlive)).toEqual([])
  })

  it('kills what nobody wants any more, with its children, and says why', async () => {
    const path = await program('unwanted', stuck(join(folder, 'unwanted.pids')))
    const deleted = new AbortController()
    const answer = start(path, { signal: deleted.signal })
    await eventually(() => pidsIn('unwanted.pids')).toHaveLength(2)
    const why = new Error('deleted')
    deleted.abort(why)
    expect(await answer).toBe(why)
    const pids = await pidsIn('unwanted.pids')
    await eventually(() => pids.filter(isAlive)).toEqual([])
    expect(await start(path, { signal: deleted.signal })).toBe(why)
    expect(await pidsIn('unwanted.pids')).toEqual(pids)
  })

  it.skipIf(process.platform !== 'linux')('dies with whoever started it, however that dies', async () => {
    const pids = join(folder, 'orphan.pids')
    const path = await program('orphan', `echo $$ >>${pids}; exec sleep 60`)
    const [ours, its] = [
      new URL('./ffmpeg.ts', import.meta.url).href,
      new URL('../fence.ts', import.meta.url).href,
    ]
    const script = `
      const { Ffmpeg } = await import(${JSON.stringify(ours)})
      const { Fence } = await import(${JSON.stringify(its)})
      const ffmpeg = new Ffmpeg({ ffmpeg: '${path}', ffprobe: '${path}', fence: new Fence('${fence.kind}') })
      const outputs = [{ options: ['-an', '-vn'], target: '/dev/null' }]
      const limits = ${JSON.stringify(LIMITS)}
      await ffmpeg.run({ input: ['-an', '-vn'], path: '/dev/null', outputs, limits, signal: new AbortController().signal })`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    await eventually(() => pidsIn('orphan.pids')).toHaveLength(1)
    parent.kill('SIGKILL')
    await eventually(async () => (await pidsIn('orphan.pids')).filter(isAlive)).toEqual([])
  })

  it('starts nothing outside of the fence, tells ffmpeg nothing of ours, and each option as it is', async () => {
    const log = join(folder, 'seen.log')
    const path = await program('seen', `{ echo "run $#"; for each; do echo "<$each>"; done; env; } >>${log}`)
    process.env.TRUNKLINE_TEST_SECRET = 'whispered'
    try {
      expect(await start(path)).toBeUndefined()
    } finally {
      delete process.env.TRUNKLINE_TEST_SECRET
    }
    const seen = await readFile(log, 'utf8')
    expect(seen.match(/^run /gm)).toHaveLength(1)
    expect(seen).toContain('<-an option>\n<-nostdin>\n')
    expect(seen).toContain(`<${join(folder, 'in')}>`)
    expect(seen).not.toContain('whispered')
    expect(seen).not.toContain('HOME=')
  })

  it.skipIf(process.platform !== 'linux')('holds the limits from its first instruction on', async () => {
    const log = join(folder, 'limits.log')
    const path = await program('limits', `cat /proc/self/limits >${log}; cat /proc/self/stat >>${log}`)
    expect(await start(path)).toBeUndefined()
    const text = await readFile(log, 'utf8')
    expect(text).toMatch(/Max address space +1073741824 +1073741824/)
    expect(text).toMatch(/Max cpu time +10 +15/)
    expect(text).toMatch(/Max file size +1048576 +1048576/)
    expect(text).toMatch(/Max open files +64 +64/)
    expect(text).toMatch(/Max core file size +0 +0/)
  })

  it('that goes in circles is ended by the processor time it took', { timeout: 30_000 }, async () => {
    const path = await program('busy', 'while :; do :; done')
    const answer = await start(path, { limits: { ...LIMITS, cpuSeconds: 1, ms: 25_000 } })
    expect(answer).toMatchObject({ name: 'FfmpegFault', reason: 'time' })
  })

  it('that writes without end is ended by the size of it', async () => {
    const path = await program('vast', `exec dd if=/dev/zero of=${join(folder, 'vast.out')} bs=65536`)
    expect(await start(path)).toMatchObject({ name: 'FfmpegFault', reason: 'size' })
  })

  it('hears how far it is, and takes in all that is written to a stream', async () => {
    const path = await program(
      'talks',
      'for n in 1 2 3; do echo "out_time_us=$n"500000 >&2; done; printf "%0100000d" 7',
    )
    const heard: number[] = []
    let bytes = 0
    const target = new Writable({
      emitClose: false,
      write(chunk: Buffer, _, done) {
        bytes += chunk.length
        setTimeout(done, 5)
      },
    })
    const outputs = [{ options: ['-an', '-vn'], target }]
    expect(await start(path, { outputs, progress: seconds => heard.push(seconds) })).toBeUndefined()
    expect(heard).toEqual([1.5, 2.5, 3.5])
    expect(bytes).toBe(100_000)
  })

  it('of a program that is not there is no fault of the file', async () => {
    const answer = await start(join(folder, 'nothing'))
    expect(answer).toBeInstanceOf(Error)
    expect(answer).not.toBeInstanceOf(FfmpegFault)
  })
})

describe('a probe', () => {
  const ask = (path: string, limits = LIMITS, signal = new AbortController().signal): Promise<unknown> =>
    new Ffmpeg({ ffmpeg: path, ffprobe: path, fence })
      .probe(['x'], limits, signal)
      .catch((error: unknown) => error)

  it('is what it says, in JSON', async () => {
    expect(await ask(await program('json', `echo '{"a": 1}'`))).toEqual({ a: 1 })
    expect(await ask(await program('words', 'echo hello'))).toMatchObject({ reason: 'damaged' })
  })

  it('is ended when it says too much, takes too long, or nobody wants it', async () => {
    expect(await ask(await program('chatter', 'exec yes'))).toMatchObject({ reason: 'size' })
    const pids = join(folder, 'probe.pids')
    const path = await program('waits', stuck(pids))
    expect(await ask(path, { ...LIMITS, ms: 1_000 })).toMatchObject({ reason: 'time' })
    expect(await ask(path, LIMITS, AbortSignal.timeout(500))).toMatchObject({ name: 'TimeoutError' })
    await eventually(async () => (await pidsIn('probe.pids')).filter(isAlive)).toEqual([])
  })

  it('of a damaged file says so', async () => {
    const path = await program('refuses', 'echo "Invalid data found when processing input" >&2; exit 1')
    expect(await ask(path)).toMatchObject({ name: 'FfmpegFault', reason: 'damaged' })
  })
})

describe('who is at fault', () => {
  it.each([
    [1, 'Invalid data found', 'damaged'],
    [1, 'x264: Cannot allocate memory', 'size'],
    ['SIGSEGV', '', 'damaged'],
    ['SIGXCPU', '', 'time'],
    ['SIGXFSZ', '', 'size'],
  ])('the file: %s %s', (ended, said, reason) => {
    expect(faultOf('ffmpeg', ended, said)).toMatchObject({ name: 'FfmpegFault', reason })
  })

  it.each([
    [1, 'av_interleaved_write_frame(): No space left on device'],
    [1, 'prlimit: failed to set the AS resource limit: Operation not permitted'],
    [127, 'env: ffmpeg: No such file or directory'],
    // Whoever ended it so, the kernel for want of memory or an administrator, may not do it again.
    ['SIGKILL', ''],
    ['SIGTERM', ''],
  ])('we or the machine: %s %s', (ended, said) => {
    const error = faultOf('ffmpeg', ended, said)
    expect(error).not.toBeInstanceOf(FfmpegFault)
    expect(error.message).toContain(String(ended))
  })

  it('progress is what ffmpeg says of the time', () => {
    expect(progressOf('out_time_us=1500000')).toBe(1.5)
    for (const line of ['out_time_us=N/A', 'out_time=00:00:01.5', 'title: out_time_us=1']) {
      expect(progressOf(line)).toBeUndefined()
    }
  })
})
