import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ownAddresses } from './addresses.ts'
import type { Tls } from './listener.ts'

/**
 * A certificate of our own making for `--https`, kept in the data folder: browsers warn about it once and then let
 * cameras work.
 */
export const ensureCertificate = async (dataFolder: string, announcedAddress: string): Promise<Tls> => {
  const folder = join(dataFolder, 'tls')
  const certPath = join(folder, 'cert.pem')
  const keyPath = join(folder, 'key.pem')
  if (!existsSync(certPath) || !existsSync(keyPath)) {
    const ips = [...new Set(['127.0.0.1', '::1', announcedAddress, ...ownAddresses()])]
    const altNames = [{ type: 2 as const, value: 'localhost' }, ...ips.map(ip => ({ type: 7 as const, ip }))]
    // Loaded only here: certificates are made once, and its 250 modules are not for every start.
    const { generate } = await import('selfsigned')
    const made = await generate([{ name: 'commonName', value: 'Trunkline' }], {
      keySize: 2048,
      algorithm: 'sha256',
      notAfterDate: new Date(Date.now() + 825 * 24 * 3_600_000),
      extensions: [{ name: 'subjectAltName', altNames }],
    })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(keyPath, made.private, { mode: 0o600 })
    await writeFile(certPath, made.cert)
  }
  return { certPath, keyPath }
}
