/**
 * Whether tests run that pass by themselves and fail now and then in a whole run, for reasons that are not known yet:
 * TRUNKLINE_UNSTEADY=1 runs them. Each is a debt.
 */
export const runsUnsteady = process.env.TRUNKLINE_UNSTEADY === '1'
