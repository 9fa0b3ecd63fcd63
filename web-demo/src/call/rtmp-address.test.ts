import { describe, expect, it } from 'vitest'
import { rtmpAddress } from './rtmp-address.ts'

describe('rtmpAddress', () => {
  it.each([
    ['rtmp://live.example.org/app', 'abcd-1234', 'rtmp://live.example.org/app/abcd-1234'],
    [' rtmps://live.example.org:443/rtmp/ ', ' FB-1?s=2 ', 'rtmps://live.example.org:443/rtmp/FB-1?s=2'],
    ['rtmp://live.example.org/app/abcd-1234', '', 'rtmp://live.example.org/app/abcd-1234'],
  ])('%s and %s', (server, key, address) => {
    expect(rtmpAddress(server, key)).toBe(address)
  })

  it.each([
    ['', '', 'Enter the server'],
    ['live.example.org/app', 'abcd', 'Enter the server'],
    ['https://live.example.org/app', 'abcd', 'Enter the server'],
    ['rtmp://live.example.org/app', '', 'Enter the stream key'],
    ['rtmp://live.example.org/app/', ' ', 'Enter the stream key'],
  ])('%s and %s are not enough', (server, key, sentence) => {
    expect(() => rtmpAddress(server, key)).toThrow(sentence)
  })
})
