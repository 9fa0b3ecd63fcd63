import { LIMITS, UPLOADS_PATH, UserId } from '../src/index.ts'
import { toJsonSchema } from './json-schema.ts'

// The requests of tus (https://tus.io/protocols/resumable-upload) say what they mean in headers, which no table of ours has: they
// are described here as the protocol has them.

const BYTES = { type: 'integer', minimum: 0 } as const
const TEXT = { type: 'string' } as const

const HEADERS = {
  'Tus-Resumable': { description: 'The version of tus that is spoken.', schema: { const: '1.0.0' } },
  'Upload-Length': { description: 'Bytes of all the upload.', schema: BYTES },
  'Upload-Defer-Length': {
    description: 'In place of Upload-Length, when it will be said with a PATCH.',
    schema: { const: '1' },
  },
  'Upload-Metadata': {
    description:
      'Keys and values in base64, with commas between them: roomId, and name or filename. A part of an upload needs none.',
    schema: TEXT,
    example: 'roomId d2FyZC03,name Y2F0LnBuZw==',
  },
  'Upload-Concat': {
    description: `\`partial\` for a part; \`final;\` and the addresses of at most ${LIMITS.partsPerUpload} finished parts, with spaces between them, to put those together.`,
    schema: TEXT,
    example: 'final;/v1/uploads/file_1 /v1/uploads/file_2',
  },
  'Upload-Checksum': {
    description: 'Of the bytes of this request: sha1, sha256 or md5, a space, and the checksum in base64.',
    schema: TEXT,
    example: 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=',
  },
  'Upload-Offset': { description: 'Bytes that are there before those of this request.', schema: BYTES },
  Location: {
    description: 'The address of the upload; its last part is the id of the file it becomes.',
    schema: TEXT,
  },
  'Upload-Expires': {
    description: 'When it is taken away if it is not finished, as an HTTP date.',
    schema: TEXT,
  },
  'Tus-Version': { description: 'The versions of tus that are spoken.', schema: TEXT },
  'Tus-Extension': { description: 'The extensions of tus there are.', schema: TEXT },
  'Tus-Max-Size': { description: 'Bytes an upload may have.', schema: BYTES },
  'Tus-Checksum-Algorithm': { description: 'What Upload-Checksum may be of.', schema: TEXT },
} as const
type Header = keyof typeof HEADERS

const HAS: Readonly<Partial<Record<Header, string>>> = { 'Upload-Offset': 'Bytes that are there now.' }

const { $schema: _, ...userId } = toJsonSchema(UserId, 'input')

const asked = (names: readonly Header[], required: readonly Header[] = []) =>
  names.map(name => ({ name, in: 'header', required: required.includes(name), ...HEADERS[name] }))

const answered = (names: readonly Header[]) =>
  Object.fromEntries(
    names.map(name => [name, { ...HEADERS[name], description: HAS[name] ?? HEADERS[name].description }]),
  )

const SENDER = {
  name: 'sender',
  in: 'query',
  required: false,
  description: 'For API keys: the user it is done in the name of.',
  schema: userId,
}

const ID = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'As Location has it.',
  schema: TEXT,
}

type About = {
  id: string
  summary: string
  parameters: unknown[]
  body?: { required: boolean }
  status: number
  headers: readonly Header[]
  refusals: readonly number[]
}

const operationOf = ({ id, summary, parameters, body, status, headers, refusals }: About) => ({
  operationId: id,
  summary,
  tags: ['Files'],
  security: [{ apiKey: [] }, { userToken: [] }],
  parameters: [...asked(['Tus-Resumable'], ['Tus-Resumable']), ...parameters, SENDER],
  ...(body && { requestBody: { ...body, content: { 'application/offset+octet-stream': {} } } }),
  responses: {
    [status]: { description: summary, headers: answered(['Tus-Resumable', ...headers]) },
    ...Object.fromEntries(
      [...refusals, 400, 401, 403, 404, 412, 500, 503]
        .sort((a, b) => a - b)
        .map(refusal => [refusal, { $ref: `#/components/responses/Problem${refusal}` }]),
    ),
  },
})

const SENDS_BYTES = [409, 413, 415, 460]

/** What OpenAPI says of resumable uploads, by path and method. */
export const uploadPaths = (): Record<string, Record<string, unknown>> => ({
  [UPLOADS_PATH]: {
    options: {
      operationId: 'describeUploads',
      summary: 'What can be done with resumable uploads (tus 1.0)',
      tags: ['Files'],
      security: [{}],
      responses: {
        204: {
          description: 'What can be done',
          headers: answered([
            'Tus-Resumable',
            'Tus-Version',
            'Tus-Extension',
            'Tus-Max-Size',
            'Tus-Checksum-Algorithm',
          ]),
        },
      },
    },
    post: operationOf({
      id: 'createUpload',
      summary:
        'Begin a resumable upload (tus 1.0), a part of one, or put parts together; its first bytes may come along',
      parameters: [
        ...asked([
          'Upload-Length',
          'Upload-Defer-Length',
          'Upload-Metadata',
          'Upload-Concat',
          'Upload-Checksum',
        ]),
        { $ref: '#/components/parameters/IdempotencyKey' },
      ],
      body: { required: false },
      status: 201,
      headers: ['Location', 'Upload-Offset', 'Upload-Expires'],
      refusals: [...SENDS_BYTES, 422],
    }),
  },
  [`${UPLOADS_PATH}/{id}`]: {
    head: operationOf({
      id: 'getUpload',
      summary: 'How much of an upload is there',
      parameters: [ID],
      status: 200,
      headers: [
        'Upload-Offset',
        'Upload-Length',
        'Upload-Defer-Length',
        'Upload-Metadata',
        'Upload-Concat',
        'Upload-Expires',
      ],
      refusals: [],
    }),
    patch: operationOf({
      id: 'continueUpload',
      summary: 'Send bytes that follow those that are there; with the last of them it is a file',
      parameters: [ID, ...asked(['Upload-Offset', 'Upload-Length', 'Upload-Checksum'], ['Upload-Offset'])],
      body: { required: true },
      status: 204,
      headers: ['Upload-Offset', 'Upload-Expires'],
      refusals: [...SENDS_BYTES, 422],
    }),
    delete: operationOf({
      id: 'deleteUpload',
      summary: 'Give an upload up; one that has become a file is deleted as that',
      parameters: [ID],
      status: 204,
      headers: [],
      refusals: [409],
    }),
  },
})
