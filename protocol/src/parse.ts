import type { z } from 'zod'
import { type ErrorIssue, TrunklineError } from './errors.ts'

const MAX_ISSUES = 5
const MAX_ISSUE_CHARS = 200

/** Keys a client made up appear in paths and messages: an answer is not to be as long as what was sent. */
const shorten = (text: string): string =>
  text.length <= MAX_ISSUE_CHARS ? text : `${text.slice(0, MAX_ISSUE_CHARS - 1).toWellFormed()}…`

/** What zod says; for what was not sent at all there is a shorter word than the type it got instead. */
const sentenceOf = (issue: z.core.$ZodIssue): string => {
  // Of names that are not taken it says that they are not, and keeps why to itself.
  if (issue.code === 'invalid_key')
    return `is a name that is not taken: ${issue.issues.map(sentenceOf).join('; ')}`
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
    ? 'is missing'
    : issue.message
}

/** zod's issues as paths and sentences, the first few. */
export const issuesOf = (error: z.ZodError): ErrorIssue[] =>
  error.issues
    .slice(0, MAX_ISSUES)
    .map(issue => ({ path: shorten(issue.path.map(String).join('.')), message: shorten(sentenceOf(issue)) }))

/**
 * Parses input from outside.
 * @param what names the input in the error ("message:send", "the body of POST /v1/rooms")
 * @throws TrunklineError `invalid_request`, naming each fault
 */
export const parse = <T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = issuesOf(result.error)
  const faults = issues
    .map(issue => (issue.path ? `${issue.path}: ${issue.message}` : issue.message))
    .join('; ')
  throw new TrunklineError('invalid_request', `${what} is not valid: ${faults}`, { details: { issues } })
}
