import { expect, it } from 'vitest'
import { findTarget } from './target.ts'

it('an address is taken apart as services mean it: the last part is the key', async () => {
  expect(await findTarget('rtmp://127.0.0.1/live/key?token=a', true)).toEqual({
    isSecure: false,
    host: '127.0.0.1',
    address: '127.0.0.1',
    port: 1_935,
    app: 'live',
    key: 'key?token=a',
  })
  expect(await findTarget('rtmps://[::1]:8443/a/b/key', true)).toMatchObject({
    isSecure: true,
    host: '::1',
    port: 8_443,
    app: 'a/b',
    key: 'key',
  })
  expect(await findTarget('rtmp://127.0.0.1/live', true)).toMatchObject({ app: 'live', key: '' })
})

it.each([
  '127.0.0.1',
  'localhost',
  '10.1.2.3',
  '192.168.0.1',
  '169.254.169.254',
  '[::1]',
  '[::ffff:10.0.0.1]',
  '[fe80::1]',
  '[2a00:1450:4001::5efe:10.0.0.1]',
])('%s is nobody on the internet', async host => {
  await expect(findTarget(`rtmp://${host}/live/key`, false)).rejects.toMatchObject({ code: 'forbidden' })
})

it('what is public may be sent to', async () => {
  expect(await findTarget('rtmp://93.184.215.14/live/key', false)).toMatchObject({ address: '93.184.215.14' })
})
