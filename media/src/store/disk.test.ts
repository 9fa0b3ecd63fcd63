import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeStore } from '../testing/store-suite.ts'
import { openDiskStore } from './disk.ts'

const makeFolder = () => mkdtemp(join(tmpdir(), 'trunkline-store-'))

describeStore('a folder', async () => {
  const folder = await makeFolder()
  const objects = await openDiskStore(folder)
  return { objects, close: () => rm(folder, { recursive: true }) }
})

describe('a folder as object store', () => {
  it('removes what a killed process left half-written, and keeps the objects', async () => {
    const folder = await makeFolder()
    onTestFinished(() => rm(folder, { recursive: true }))
    await (await openDiskStore(folder)).put('files/a/original', Buffer.from('kept'))
    await writeFile(join(folder, 'partial', 'left'), 'half')
    const store = await openDiskStore(folder)
    expect(await readdir(join(folder, 'partial'))).toEqual([])
    expect(await store.stat('files/a/original')).toMatchObject({ size: 4 })
  })

  it('leaves no file behind a body that breaks off, and no folder behind a deleted object', async () => {
    const folder = await makeFolder()
    onTestFinished(() => rm(folder, { recursive: true }))
    const store = await openDiskStore(folder)
    const broken = new Readable({
      read() {
        this.destroy(new Error('gone'))
      },
    })
    await expect(store.put('files/b/original', broken)).rejects.toThrow('gone')
    await store.put('files/c/original', Buffer.from('c'))
    await store.delete('files/c/original')
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(['objects', 'partial'])
  })

  it('is readable by its own account only', async () => {
    const folder = await makeFolder()
    onTestFinished(() => rm(folder, { recursive: true }))
    const store = await openDiskStore(folder)
    await store.put('files/d/original', Buffer.from('d'))
    expect((await stat(join(folder, 'objects'))).mode & 0o077).toBe(0)
    expect((await stat(join(folder, 'objects/files/d/original'))).mode & 0o077).toBe(0)
  })
})
