import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/** Writes a self-made certificate for the loopback addresses into the folder. */
export const makeCertificate = async (folder: string) => {
  const altNames = ['127.0.0.1', '::1'].map(ip => ({ type: 7 as const, ip }))
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'trunkline.test' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 24 * 3_600_000),
    extensions: [{ name: 'subjectAltName', altNames }],
  })
  const certPath = join(folder, 'cert.pem')
  const keyPath = join(folder, 'key.pem')
  writeFileSync(certPath, cert)
  writeFileSync(keyPath, key, { mode: 0o600 })
  const publicKey = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return {
    certPath,
    keyPath,
    /**
     * Makes Chromium trust this certificate, for pages and for `turns:` alike. What Playwright offers instead,
     * `ignoreHTTPSErrors`, holds for pages only, as does a click through the browser's warning: Chromium then
     * refuses the relay with error 701, "Failed to establish connection".
     */
    browserFlag: `--ignore-certificate-errors-spki-list=${createHash('sha256').update(publicKey).digest('base64')}`,
  }
}
