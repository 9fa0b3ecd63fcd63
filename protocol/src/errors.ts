/**
 * One table gives each error its HTTP status, whether trying again can help, and a title.
 * `code` is for programs and never changes; `detail` is a sentence for people: what was wrong and what to do.
 */
export const ERRORS = {
  invalid_request: { status: 400, retryable: false, title: 'The request is not valid' },
  unknown_request: { status: 400, retryable: false, title: 'There is no such request' },
  unsupported_version: { status: 400, retryable: false, title: 'The protocol version is not supported' },
  token_missing: { status: 401, retryable: false, title: 'No token was sent' },
  token_malformed: { status: 401, retryable: false, title: 'The token cannot be read' },
  token_signature: { status: 401, retryable: false, title: 'The token was not signed by a key known here' },
  token_expired: { status: 401, retryable: false, title: 'The token has expired' },
  forbidden: { status: 403, retryable: false, title: 'Not allowed' },
  room_not_found: { status: 404, retryable: false, title: 'No such room, or you are not in it' },
  not_found: { status: 404, retryable: false, title: 'Not found' },
  method_not_allowed: { status: 405, retryable: false, title: 'Method not allowed' },
  not_acceptable: { status: 406, retryable: false, title: 'Nothing the client accepts can be sent' },
  conflict: { status: 409, retryable: false, title: 'In conflict with what exists' },
  knock_first: { status: 403, retryable: false, title: 'A host has to let you in' },
  locked: { status: 423, retryable: false, title: 'The call is locked' },
  not_in_call: { status: 409, retryable: false, title: 'Not in this call' },
  too_large: { status: 413, retryable: false, title: 'Too large' },
  /** Of the tus protocol, which asks for these two statuses. */
  tus_version: { status: 412, retryable: false, title: 'The version of tus is not supported' },
  checksum_mismatch: { status: 460, retryable: true, title: 'The bytes are not those the checksum is of' },
  unsupported_media_type: { status: 415, retryable: false, title: 'This kind of content is not accepted' },
  range_not_satisfiable: { status: 416, retryable: false, title: 'Outside the file' },
  limit_reached: { status: 422, retryable: false, title: 'A limit was reached' },
  rate_limited: { status: 429, retryable: true, title: 'Too many requests' },
  bot_failed: { status: 502, retryable: false, title: 'The bot gave an answer that cannot be used' },
  bot_unavailable: { status: 503, retryable: true, title: 'The bot gives no answer right now' },
  internal: { status: 500, retryable: true, title: 'Something went wrong on the server' },
  unavailable: { status: 503, retryable: true, title: 'Not available right now' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>

export type ErrorCode = keyof typeof ERRORS

/** Where in a request something was wrong, as zod reports it. */
export type ErrorIssue = { path: string; message: string }

export type ErrorDetails = {
  issues?: ErrorIssue[]
  retryAfterMs?: number
  limit?: number
  /** Between our processes: another SFU has this room. */
  elsewhere?: true
}

/** The error of a failed acknowledgement: `{ok: false, error}`. */
export type WireError = { code: ErrorCode; message: string; details?: ErrorDetails; requestId?: string }

/**
 * An error a client may see. Everything else that is thrown reaches clients as `internal` without its text.
 * @param code stable code from {@link ERRORS}
 * @param message a sentence: what was wrong and what to do
 */
export class TrunklineError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails | undefined

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TrunklineError'
    this.code = code
    this.details = options.details
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  toWire(): WireError {
    return this.details === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, details: this.details }
  }

  static fromWire(error: WireError): TrunklineError {
    return new TrunklineError(error.code, error.message, error.details ? { details: error.details } : {})
  }
}
