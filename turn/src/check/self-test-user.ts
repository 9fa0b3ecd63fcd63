import { randomBytes } from 'node:crypto'

const FORM = /^self-test-[0-9a-f]{16}$/

/** The user of one way of one self-test, whom nobody can guess. */
export const selfTestUser = (): string => `self-test-${randomBytes(8).toString('hex')}`

/** Whether a user has the form of those: what it does is of no interest in the log. */
export const isSelfTestUser = (user: string): boolean => FORM.test(user)
