import { readConfig } from '@trunkline/kit'
import { expect, test } from 'vitest'
import { Settings } from './settings.ts'

const read = (env: Record<string, string>) => readConfig(Settings, env)

test('settings of TURN have defaults that fit one machine', () => {
  expect(read({})).toMatchObject({
    TURN_PORT: 3478,
    TURN_PEERS: 'sfu',
    TURN_PROCESSES: 1,
    TURN_DRAIN_SECONDS: 0,
    TURN_LIFETIME_SECONDS: 600,
    TURN_CREDENTIAL_SECONDS: 86_400,
  })
})

test('settings of files have defaults that leave files alone', () => {
  expect(read({})).toMatchObject({
    UPLOAD_MAX_MB: 2_048,
    USER_QUOTA_MB: 51_200,
    PICTURE_ORIGINALS: 'keep',
    VIDEO_SMALL: false,
    FILE_REDIRECTS: false,
  })
})

test.each([
  'clamd://clamav:3310',
  'clamd://[::1]',
  'clamd:///run/clamav/clamd.ctl',
  'https://user:pass@scanner.example.org/scan?for=harm',
])('a scanner may be %s', SCAN_URL => {
  expect(read({ SCAN_URL })).toMatchObject({ SCAN_URL })
})

test('lists are read with their commas, and peers with their ports', () => {
  const settings = read({
    TURN_TLS_PORTS: '5349, 443',
    TURN_SECRET: 'the new secret,the old secret',
    TURN_ADDRESSES: '203.0.113.7, 2001:db8::7',
    TURN_ALLOWED_PEERS: '10.0.0.5:40000, 10.0.0.6:40000-40003, [2001:db8::5]:40000',
    TURN_LINKS: 'http://a:3000,http://b:3000',
    TURN_URLS: 'stun:203.0.113.7:3478, turns:turn.example.org:443?transport=tcp',
  })
  expect(settings).toMatchObject({
    TURN_TLS_PORTS: [5349, 443],
    TURN_SECRET: ['the new secret', 'the old secret'],
    TURN_ADDRESSES: ['203.0.113.7', '2001:db8::7'],
    TURN_ALLOWED_PEERS: [
      { address: '10.0.0.5', port: { min: 40_000, max: 40_000 } },
      { address: '10.0.0.6', port: { min: 40_000, max: 40_003 } },
      { address: '2001:db8::5', port: { min: 40_000, max: 40_000 } },
    ],
    TURN_LINKS: ['http://a:3000', 'http://b:3000'],
    TURN_URLS: ['stun:203.0.113.7:3478', 'turns:turn.example.org:443?transport=tcp'],
  })
  expect(read({ TURN_LINKS: 'none' }).TURN_LINKS).toEqual([])
})

test.each([
  ['TURN_TLS_PORTS', '5349;443', 'port numbers, separated by commas'],
  ['TURN_TLS_PORTS', '65536', 'port numbers'],
  ['TURN_TLS_PORTS', '5349,', 'port numbers'],
  ['TURN_SECRET', 'one-secret,', 'at least 8 characters'],
  ['TURN_SECRET', 'secret-one,secret-two,secret-three', 'the current one and the other'],
  ['TURN_ADDRESSES', 'turn.example.org', 'IP addresses'],
  ['TURN_ADDRESSES', '203.0.113.7,203.0.113.8', 'one of each family'],
  ['TURN_PEERS', 'all', 'must be sfu'],
  ['TURN_ALLOWED_PEERS', '10.0.0.5', 'with a port'],
  ['TURN_ALLOWED_PEERS', '10.0.0.0/8:1', 'with a port'],
  ['TURN_ALLOWED_PEERS', '2001:db8::5:40000', 'IPv6 in brackets'],
  ['TURN_ALLOWED_PEERS', '10.0.0.5:40003-40000', 'range of ports'],
  ['TURN_ALLOWED_PEERS', '10.0.0.5:0', 'with a port'],
  ['TURN_ALLOWED_PEERS', '10.0.0.5:1-65536', 'with a port'],
  ['TURN_PROCESSES', '0', 'at least 1'],
  ['TURN_PROCESSES', '65', 'at most 64'],
  ['TURN_DRAIN_SECONDS', '-1', 'at least 0 seconds'],
  ['TURN_LIFETIME_SECONDS', '3601', 'at most 3600 seconds'],
  ['TURN_CREDENTIAL_SECONDS', 'a day', 'a number of seconds'],
  ['TURN_LINKS', 'turn:3000', 'URLs of TURN services'],
  // They are in the log and in GET /v1/turn.
  ['TURN_LINKS', 'http://user:password@turn:3000', 'URLs of TURN services'],
  ['TURN_URLS', 'https://turn.example.org', 'STUN and TURN addresses'],
  ['UPLOAD_MAX_MB', '0', 'at least 1 megabyte'],
  ['USER_QUOTA_MB', '1.5', 'a whole number of megabytes'],
  ['SCAN_URL', 'clamav:3310', 'clamd://host:3310'],
  ['SCAN_URL', 'clamd://', 'clamd://host:3310'],
  ['SCAN_URL', 'clamd://clamav:port', 'must be a URL'],
  ['SCAN_URL', 'ftp://scanner/scan', 'clamd://host:3310'],
  ['PICTURE_ORIGINALS', 'blur', 'must be keep'],
])('%s=%s is refused with what to do', (name, value, words) => {
  expect(() => read({ [name]: value })).toThrow(new RegExp(`^${name} .*${words}.* \\(for example ${name}=`))
})
