/** How a client reaches the server; what is relayed to peers is UDP in any case. */
export const TRANSPORTS = ['udp', 'tcp', 'tls'] as const
export type Transport = (typeof TRANSPORTS)[number]
