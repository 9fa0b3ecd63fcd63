import { WHIP_PATH } from '../src/index.ts'

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

/** What OpenAPI says of streams that come by WHIP (RFC 9725), by path and method. */
export const whipPaths = (): Record<string, Record<string, unknown>> => ({
  [WHIP_PATH]: {
    post: operationOf({
      id: 'publishStream',
      summary: "Publish in a room's call by WHIP (RFC 9725), as OBS and GStreamer do",
      parameters: [
        ROOM,
        {
          name: 'source',
          in: 'query',
          required: false,
          description: 'What its picture and sound are to the call: a camera and a microphone, or a screen.',
          schema: { type: 'string', enum: ['camera', 'screen'], default: 'camera' },
        },
      ],
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
      refusals: [413, 415],
    }),
  },
  [`${WHIP_PATH}/{streamId}`]: {
    patch: operationOf({
      id: 'patchStream',
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
      id: 'endStream',
      summary: 'End a stream',
      parameters: [ROOM, STREAM],
      answers: { 200: { description: 'It has ended' } },
      refusals: [],
    }),
  },
})
