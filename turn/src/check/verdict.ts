/** `cause` says what is likely wrong, `fix` what its operator can do about it. */
export type Verdict = { ok: true } | { ok: false; cause: string; fix: string }

export const failure = (cause: string, fix: string): Verdict => ({ ok: false, cause, fix })
