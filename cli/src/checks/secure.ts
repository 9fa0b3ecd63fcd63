import { createLogger } from '@trunkline/kit'
import { isLoopback } from '../addresses.ts'
import { openCertificate } from '../listener.ts'
import { type Check, failed, ok, warning } from './check.ts'

/** Browsers give cameras to this address. */
export const secure: Check = {
  name: 'cameras',
  run: async ({ settings, running }) => {
    if (running === 'https') return ok('served over https')
    const { HOST, TLS_CERT, TLS_KEY } = settings
    if (TLS_CERT && TLS_KEY) {
      const logger = createLogger({ name: 'doctor', level: 'silent' })
      return openCertificate({ certPath: TLS_CERT, keyPath: TLS_KEY, logger }).then(
        certificate => {
          certificate.close()
          return ok('served over https')
        },
        (error: Error) => failed(error.message, 'correct TLS_CERT and TLS_KEY'),
      )
    }
    if (isLoopback(HOST)) return ok('loopback counts as secure')
    return warning(
      'plain http on this address: browsers elsewhere give no camera or microphone',
      'npm start -- --https, or set TLS_CERT and TLS_KEY, or put a proxy with https in front',
    )
  },
}
