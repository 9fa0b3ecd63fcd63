import type { Job } from '@trunkline/protocol'
import { rest } from './rest.ts'
import { API_KEY } from './server.ts'
import { until } from './until.ts'

/** Waits until a job has ended, and returns it. */
export const endOf = async (url: string, id: string, limitMs = 60_000): Promise<Job> => {
  // What was asked for may have been refused: then there is nothing to wait for.
  if (typeof id !== 'string') throw new Error(`${id} is no id of a job`)
  const look = async () => {
    const { body } = await rest(url, 'GET', `/v1/jobs/${id}`)
    return ['done', 'failed', 'cancelled'].includes(body.state) ? (body as Job) : undefined
  }
  return until(`${id} ends`, look, limitMs)
}

/** Waits until a job is done; @throws Error with its detail when it ends otherwise */
export const doneOf = async (url: string, id: string, limitMs?: number): Promise<Job> => {
  const job = await endOf(url, id, limitMs)
  if (job.state !== 'done') throw new Error(`${job.state}: ${job.detail}`)
  return job
}

/** The content of an export. */
export const contentOf = async (
  url: string,
  id: string,
  options: { token?: string; range?: string } = {},
): Promise<Response> =>
  fetch(`${url}/v1/exports/${id}/content`, {
    headers: {
      authorization: `Bearer ${options.token ?? API_KEY}`,
      ...(options.range ? { range: options.range } : {}),
    },
  })

/** Exports something and returns its lines, as text. */
export const exported = async (
  url: string,
  what: { roomId: string } | { userId: string },
): Promise<string> => {
  const { status, body } = await rest(url, 'POST', '/v1/exports', { body: what })
  if (status !== 201) throw new Error(JSON.stringify(body))
  await doneOf(url, body.id)
  return (await contentOf(url, body.id)).text()
}

/** Sends an import; the job that works on it, or the problem. */
export const sendImport = async (url: string, content: string | Uint8Array) => {
  const response = await fetch(`${url}/v1/imports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/x-ndjson' },
    body: content as string,
  })
  // biome-ignore lint/suspicious/noExplicitAny: a job or a problem, as the test expects
  return { status: response.status, body: (await response.json()) as any }
}
