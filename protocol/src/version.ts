/** Wire versions this build speaks. A client names one in its Socket.IO handshake (`auth.version`). */
export const PROTOCOL_VERSION = 1
export const SUPPORTED_VERSIONS = { min: 1, max: 1 } as const
