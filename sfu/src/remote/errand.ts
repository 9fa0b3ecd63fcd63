/** Environment variables by which a tunnel is told where it leads, and which Node it is to run on. */
export const ERRAND = 'TRUNKLINE_TUNNEL'
export const NODE = 'TRUNKLINE_NODE'

/** @property ticket lets one tunnel in, for a few seconds */
export type Errand = { url: string; ticket: string }

/** Where a tunnel asks for its worker, by an upgrade to this protocol and with its ticket as bearer token. */
export const TUNNEL_PATH = '/internal/worker'
export const TUNNEL_PROTOCOL = 'trunkline-worker'
