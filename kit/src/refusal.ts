import { Problem, TrunklineError } from '@trunkline/protocol'
import { z } from 'zod'

// Fields a service of another version knows may be added; only what is used is looked at.
const Refusal = z.object(Problem.pick({ code: true, detail: true, retryAfterMs: true }).shape)

/**
 * What another service of this installation answered with that is no success, as an error to pass on.
 * @param own what its refusals may be about, for whoever asked; any other answer means that the service is in trouble
 * @param unavailable the error for that
 */
export const refusalOf = async (
  response: Response,
  own: ReadonlySet<z.infer<typeof Refusal>['code']>,
  unavailable: (cause: Error) => TrunklineError,
): Promise<TrunklineError> => {
  const refusal = Refusal.safeParse(await response.json().catch(() => undefined))
  if (!refusal.success || !own.has(refusal.data.code)) {
    return unavailable(new Error(`the answer was ${response.status}`))
  }
  const { code, detail, retryAfterMs } = refusal.data
  return new TrunklineError(code, detail, retryAfterMs === undefined ? {} : { details: { retryAfterMs } })
}
