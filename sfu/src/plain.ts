/**
 * A copy as it would arrive across a network: the engine's objects carry keys that are undefined, which are not JSON,
 * and are the engine's own, which nobody else should hold.
 */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
