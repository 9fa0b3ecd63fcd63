import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { connect, type TLSSocket } from 'node:tls'
import { expect, it, onTestFinished } from 'vitest'
import { makeCertificate, testTls } from '../testing/certificate.ts'
import { credential, startClient, startTurn, type TestTurn } from '../testing/server.ts'

/** The name in the certificate a newcomer is shown. */
const shownName = async (turn: TestTurn): Promise<string | undefined> => {
  const [port = 0] = turn.tlsPorts
  const socket: TLSSocket = connect({ host: turn.endpoint.address, port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const name = socket.getPeerCertificate().subject.CN
  socket.destroy()
  return name === undefined ? undefined : String(name)
}

it('uses a renewed certificate, and keeps the old one while the new one is of no use', async () => {
  const tls = await testTls()
  const said: string[] = []
  const say = (_fields: object, message: string): void => {
    if (message.includes('certificate')) said.push(message)
  }
  const turn = await startTurn({
    tls,
    limits: { certificateSeconds: 0.02 },
    logger: { debug: say, info: say, warn: say, error: say },
  })
  const before = await startClient(turn, credential(), 'tls')
  expect((await before.allocate()).code).toBe(0)
  expect(await shownName(turn)).toBe('turn.test')

  const renewed = await makeCertificate({ name: 'renewed.test' })
  await writeFile(tls.certPath, renewed.cert)
  await expect
    .poll(() => said)
    .toEqual([
      expect.stringMatching(/^TURN keeps .* going on with the certificate that is valid to .* \d{4} GMT$/),
    ])
  expect(await shownName(turn)).toBe('turn.test')
  await writeFile(tls.keyPath, renewed.key)
  await expect.poll(() => said.at(-1)).toBe('TURN uses its new TLS certificate')
  expect(await shownName(turn)).toBe('renewed.test')

  // A file that is being written is looked at half done now and then, which is told as well.
  said.length = 0
  await rm(tls.keyPath)
  await expect.poll(() => said.length).toBeGreaterThan(0)
  said.length = 0
  await writeFile(tls.certPath, 'no certificate')
  await expect.poll(() => said.length).toBeGreaterThan(0)
  expect(await shownName(turn)).toBe('renewed.test')
  expect((await before.refresh()).code).toBe(0)
})

it('says in one sentence what is wrong with the files it is started with', async () => {
  const tls = await testTls()
  const { key } = await makeCertificate()
  await writeFile(tls.keyPath, key)
  await expect(startTurn({ tls })).rejects.toThrow(
    `TLS_CERT ${tls.certPath} and TLS_KEY ${tls.keyPath} must be a PEM certificate and its key`,
  )
  await rm(tls.keyPath)
  await expect(startTurn({ tls })).rejects.toThrow(`The file ${tls.keyPath} of TLS_KEY can't be read`)
})

it('lets nobody in by TLS 1.1 or without a handshake, and counts who tried', async () => {
  const turn = await startTurn({ tls: await testTls() })
  const [port = 0] = turn.tlsPorts
  const old = connect({
    host: turn.endpoint.address,
    port,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  onTestFinished(() => void old.destroy())
  await expect(once(old, 'secureConnect')).rejects.toThrow()
  const plain = await startClient({ endpoint: turn.endpoint, tlsPorts: [] }, undefined, 'tcp')
  plain.close()
  await expect.poll(() => turn.stats().refused).toEqual({ handshake: 1 })
})
