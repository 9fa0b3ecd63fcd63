import { createClamdScanner } from './clamd.ts'
import { createHttpScanner } from './http.ts'
import type { Scanner } from './scanner.ts'

const CLAMD_PORT = 3_310

/**
 * The scanner that SCAN_URL names: `http://…` or `https://…`, `clamd://host:3310` or, for its Unix socket,
 * `clamd:///run/clamav/clamd.ctl`.
 */
export const openScanner = (url: string): Scanner => {
  const { protocol, hostname, port, pathname } = new URL(url)
  if (protocol !== 'clamd:') return createHttpScanner(url)
  if (hostname === '') return createClamdScanner({ path: decodeURIComponent(pathname) })
  return createClamdScanner({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || CLAMD_PORT) })
}
