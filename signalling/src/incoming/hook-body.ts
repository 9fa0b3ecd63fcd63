import { HookPost, isStorableText, parse, TrunklineError } from '@trunkline/protocol'

const JSON_TYPE = /^application\/([^;]+\+)?json\s*(;|$)/i
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i
const TEXT_TYPE = /^text\/[^;]+\s*(;|$)/i

/**
 * What was posted to a hook. JSON, plain text, or a form with `text` or, as Slack has it, `payload`. `curl -d` calls everything a
 * form: what begins like JSON is JSON, and what has no `text=` is text.
 * @param type of the body, as its header says it
 * @throws TrunklineError `invalid_request`, `unsupported_media_type`
 */
export const readHookBody = (type: string | undefined, body: Buffer): HookPost => {
  const content = body.toString('utf8')
  if (content.trim() === '') {
    throw new TrunklineError('invalid_request', 'The body is empty: post {"text": "…"}, or plain text.')
  }
  if (type !== undefined && JSON_TYPE.test(type)) return fromJson(content)
  if (type === undefined || FORM_TYPE.test(type)) return fromForm(content)
  if (TEXT_TYPE.test(type)) return fromText(content)
  throw new TrunklineError(
    'unsupported_media_type',
    'A hook takes application/json, text/plain or application/x-www-form-urlencoded.',
  )
}

const fromJson = (content: string): HookPost => {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch {
    throw new TrunklineError('invalid_request', 'The body is not valid JSON.')
  }
  return parse(HookPost, value, 'What was posted')
}

const fromForm = (content: string): HookPost => {
  if (content.trimStart().startsWith('{')) return fromJson(content)
  const fields = new URLSearchParams(content)
  const payload = fields.get('payload')
  if (payload !== null) return fromJson(payload)
  return fromText(fields.get('text') ?? content)
}

const fromText = (text: string): HookPost => {
  if (!isStorableText(text)) {
    throw new TrunklineError('invalid_request', 'The text must not contain NUL characters.')
  }
  return parse(HookPost, { text }, 'What was posted')
}
