import { createHash, type Hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashAnswer, HashTask } from './hash-thread.ts'

// What runs in the thread of HashThread.
const memory = new Uint8Array(workerData as SharedArrayBuffer)
const hashes = new Map<number, Hash>()

const answer = (what: HashAnswer): void => parentPort?.postMessage(what)

parentPort?.on('message', (task: HashTask) => {
  switch (task.type) {
    case 'start':
      hashes.set(task.id, createHash(task.algorithm))
      return
    case 'update':
      hashes.get(task.id)?.update(memory.subarray(task.start, task.end))
      answer(null)
      return
    case 'digest':
      answer(hashes.get(task.id)?.digest() ?? null)
      hashes.delete(task.id)
      return
    case 'drop':
      hashes.delete(task.id)
  }
})
