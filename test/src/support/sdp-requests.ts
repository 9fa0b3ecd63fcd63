import { rest } from './rest.ts'

type Asked = {
  method?: string
  path?: string
  token?: string
  type?: string
  headers?: Record<string, string>
}

/** What encoders and players ask of a WHIP or WHEP endpoint. */
export type SdpRequests = {
  ask: (
    body: string | undefined,
    asked?: Asked,
  ) => Promise<{ status: number; code?: string; detail?: string; text: string; headers: Headers }>
  // biome-ignore lint/suspicious/noExplicitAny: as the answers of rest.ts, which it is one of.
  inCall: (roomId?: string) => Promise<any[]>
}

/**
 * @param options.endpoint `whip` or `whep` of the room, which is asked unless another path is named
 * @param options.token sent unless another is
 */
export const sdpRequests = (options: {
  url: string
  roomId: string
  endpoint: 'whip' | 'whep'
  token: string
}): SdpRequests => {
  const { url, roomId, endpoint, token } = options
  return {
    ask: async (body, asked = {}) => {
      const { method = 'POST', path = `/v1/rooms/${roomId}/${endpoint}`, type = 'application/sdp' } = asked
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${asked.token ?? token}`,
          'Content-Type': type,
          ...asked.headers,
        },
        ...(body === undefined ? {} : { body }),
      })
      const text = await answer.text()
      const isProblem = answer.headers.get('Content-Type')?.includes('problem+json')
      const { code, detail } = isProblem ? JSON.parse(text) : {}
      return { status: answer.status, code, detail, text, headers: answer.headers }
    },
    inCall: async (of = roomId) =>
      (await rest(url, 'GET', `/v1/rooms/${of}/call`)).body.call?.participants ?? [],
  }
}
