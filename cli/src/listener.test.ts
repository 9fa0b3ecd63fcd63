import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { createLogger } from '@trunkline/kit'
import { generate } from 'selfsigned'
import { expect, it, onTestFinished, vi } from 'vitest'
import { listen, type Tls } from './listener.ts'

const logger = createLogger({ name: 'listener-test', level: 'silent' })

const makeCertificate = async (name: string) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], { keySize: 2048 })
  return { cert, key }
}

const certificateFiles = async (name: string): Promise<Tls> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-listener-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const tls = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') }
  const { cert, key } = await makeCertificate(name)
  await Promise.all([writeFile(tls.certPath, cert), writeFile(tls.keyPath, key)])
  return tls
}

const listenOver = async (tls: Tls) => {
  const options = { host: '127.0.0.1', address: '127.0.0.1', port: 0, tls, logger, certificateSeconds: 0.02 }
  const listener = await listen(options)
  onTestFinished(() => void listener.server.close())
  return listener
}

/** The name in the certificate a newcomer is shown. */
const shownName = async (port: number) => {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const name = socket.getPeerCertificate().subject.CN
  socket.destroy()
  return name
}

it('serves HTTPS by a renewed certificate, and by the old one while the new one is of no use', async () => {
  const tls = await certificateFiles('first.test')
  const { port } = await listenOver(tls)
  expect(await shownName(port)).toBe('first.test')

  const complained = vi.spyOn(logger, 'error')
  const renewed = await makeCertificate('renewed.test')
  await writeFile(tls.certPath, renewed.cert)
  await expect.poll(() => complained.mock.lastCall?.[1]).toMatch('HTTPS keeps its TLS certificate')
  expect(await shownName(port)).toBe('first.test')
  await writeFile(tls.keyPath, renewed.key)
  await expect.poll(() => shownName(port)).toBe('renewed.test')
  expect(complained).toHaveBeenCalledOnce()
})

it('says in one sentence which key does not fit which certificate', async () => {
  const tls = await certificateFiles('first.test')
  const { key } = await makeCertificate('other.test')
  await writeFile(tls.keyPath, key)
  await expect(listenOver(tls)).rejects.toMatchObject({
    name: 'ConfigError',
    message: expect.stringContaining(
      `TLS_CERT ${tls.certPath} and TLS_KEY ${tls.keyPath} must be a PEM certificate and its key`,
    ),
  })
  await rm(tls.keyPath)
  await expect(listenOver(tls)).rejects.toThrow(`The file ${tls.keyPath} of TLS_KEY can't be read`)
})
