import { API_KEY } from './server.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely; the contract test checks their shapes.
export type Answer = { status: number; headers: Headers; body: any }

/** One REST request; JSON both ways. */
export const rest = async (
  url: string,
  method: string,
  path: string,
  options: { token?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const { token = API_KEY, body } = options
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  let parsed: unknown = text
  try {
    parsed = JSON.parse(text)
  } catch {
    // Not JSON: the text itself is what the test wants to see.
  }
  return { status: response.status, headers: response.headers, body: parsed }
}

/** A user's token, minted with the API key. */
export const mintToken = async (
  url: string,
  userId: string,
  extra: Record<string, unknown> = {},
): Promise<string> => {
  const { status, body } = await rest(url, 'POST', '/v1/tokens', { body: { userId, ...extra } })
  if (status !== 201) throw new Error(`no token: ${status} ${JSON.stringify(body)}`)
  return body.token
}
