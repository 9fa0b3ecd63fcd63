import { z } from 'zod'

/** No fields: what is asked without more to say, or answered when there is nothing to tell but that it was done. */
export const Nothing = z.strictObject({})
