/**
 * The program of one picture process: does one task after another, and says how each went. Where the libraries that read
 * files nobody trusts are loaded, and no secret is.
 */
import { MediaFault } from '../../jobs/processor.ts'
import type { Message, Results, Task } from '../messages.ts'
import { readDocument } from './document.ts'
import { makeAvatar, readPicture, stripPicture } from './image.ts'

const say = (message: Message) => process.send?.(message)

const perform = (task: Task): Promise<Results[Task['do']]> => {
  switch (task.do) {
    case 'picture':
      return readPicture(task, task.folder)
    case 'document':
      return readDocument(task.path, task.folder)
    case 'avatar':
      return makeAvatar(task)
    case 'strip':
      return stripPicture(task)
  }
}

const answer = async (task: Task): Promise<void> => {
  try {
    const result = await perform(task)
    say({ type: 'done', result, rss: process.memoryUsage.rss() })
  } catch (error) {
    const rss = process.memoryUsage.rss()
    if (error instanceof MediaFault)
      say({ type: 'fault', message: error.message, cause: String(error.cause), rss })
    else say({ type: 'error', message: String(error), rss })
  }
}

// A terminal's Ctrl+C reaches every process of the service. Ours are ended by the one that started them, which knows then
// that it was no picture's fault.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (task: Task) => void answer(task))
say({ type: 'ready' })
