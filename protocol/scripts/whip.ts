import { WHEP_PATH, WHIP_PATH } from '../src/index.ts'

const TEXT = { type: 'string' } as const
const inPath = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: TEXT,
})
const ROOM = inPath('roomId', 'Of the room.')
const STREAM = inPath('streamId', 'As Location has it.')
const header = (description: string) => ({ description, schema: TEXT })
const ETAG = header('The ICE session, for If-Match.')

type About = {
  id: string
  summary: string
  parameters: unknown[]
  takes?: string
  answers: Record<number, { description: string; headers?: Record<string, unknown>; type?: string }>
  refusals: readonly number[]
}

const operationOf = ({ id, summary, parameters, takes, answers, refusals }: About) => ({
  operationId: id,
  summary,
  tags: ['Calls'],
  security: [{ userToken: [] }],
  parameters,
  ...(takes && { requestBody: { required: true, content: { [takes]: { schema: TEXT } } } }),
  responses: {
    ...Object.fromEntries(
      Object.entries(answers).map(([status, { description, headers, type }]) => [
        status,
        { description, ...(headers && { headers }), ...(type && { content: { [type]: { schema: TEXT } } }) },
      ]),
    ),
    ...Object.fromEntries(
      [...refusals, 400, 401, 403, 404, 429, 500, 503]
        .sort((a, b) => a - b)
        .map(refusal => [refusal, { $ref: `#/components/responses/Problem${refusal}` }]),
    ),
  },
})

/** A choice in the query; what is left out is chosen by the server. */
const inQuery = (name: string, description: string, schema: Record<string, unknown> = TEXT) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema,
})

type Endpoint = {
  path: string
  /** Of the operations, to complete `publish...`. */
  noun: string
  begin: Pick<About, 'id' | 'summary' | 'refusals'> & { query: unknown[] }
}

/** What begins, restarts and ends a stream is the same whichever way it goes. */
const endpointOf = ({ path, noun, begin }: Endpoint) => ({
  [path]: {
    post: operationOf({
      id: begin.id,
      summary: begin.summary,
      parameters: [ROOM, ...begin.query],
      takes: 'application/sdp',
      answers: {
        201: {
          description: 'The answer to the offer',
          headers: {
            Location: header('The stream, to end it.'),
            ETag: ETAG,
            Link: header('STUN and TURN servers, each with rel="ice-server".'),
          },
          type: 'application/sdp',
        },
      },
      refusals: [...begin.refusals, 413, 415],
    }),
  },
  [`${path}/{streamId}`]: {
    patch: operationOf({
      id: `patch${noun}`,
      summary: 'Restart ICE of a stream, with If-Match: *; candidates are taken and not needed',
      parameters: [ROOM, STREAM, { name: 'If-Match', in: 'header', required: false, schema: TEXT }],
      takes: 'application/trickle-ice-sdpfrag',
      answers: {
        200: {
          description: 'ICE begins anew',
          headers: { ETag: ETAG },
          type: 'application/trickle-ice-sdpfrag',
        },
        204: { description: 'Taken' },
      },
      refusals: [413, 415],
    }),
    delete: operationOf({
      id: `end${noun}`,
      summary: 'End a stream',
      parameters: [ROOM, STREAM],
      answers: { 200: { description: 'It has ended' } },
      refusals: [],
    }),
  },
})

const SOURCE = { type: 'string', enum: ['camera', 'screen'] } as const

/** What OpenAPI says of streams that come by WHIP (RFC 9725) and go out by WHEP, by path and method. */
export const whipPaths = (): Record<string, Record<string, unknown>> => ({
  ...endpointOf({
    path: WHIP_PATH,
    noun: 'Stream',
    begin: {
      id: 'publishStream',
      summary: "Publish in a room's call by WHIP (RFC 9725), as OBS and GStreamer do",
      query: [
        inQuery(
          'source',
          'What its picture and sound are to the call: a camera and a microphone, or a screen.',
          { ...SOURCE, default: 'camera' },
        ),
      ],
      refusals: [],
    },
  }),
  ...endpointOf({
    path: WHEP_PATH,
    noun: 'Watching',
    begin: {
      id: 'watchStream',
      summary: "Watch a room's call by WHEP (draft-ietf-wish-whep): one picture and one sound",
      query: [
        inQuery('user', 'Of this user alone, whichever way it publishes.'),
        inQuery('participant', 'Of this participant alone.'),
        inQuery('source', 'The camera or the screen; a screen goes before a camera when left out.', SOURCE),
      ],
      refusals: [406, 409],
    },
  }),
})
