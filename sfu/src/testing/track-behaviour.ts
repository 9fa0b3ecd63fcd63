import { LIMITS } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { ROUTER_RTP_CAPABILITIES } from '../codecs.ts'
import type { Start } from './behaviour.ts'
import { DTLS, idsOf, joinRaw, publishRaw, rtpParametersOf } from './raw.ts'
import { until } from './until.ts'

/** What is published and received. */
export const testTrackBehaviour = (start: Start): void => {
  test('a track published while others join reaches each of them exactly once', async () => {
    const { sfu, of } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const ids = Array.from({ length: 8 }, (_, i) => `p${i}`)
    const [{ producerId }, ...joins] = await Promise.all([
      publishRaw(sfu, anna, 'mic'),
      ...ids.map(id => joinRaw(sfu, 'room', id)),
    ])
    const inAnswers = joins.flatMap(joined => joined.consumers.map(() => joined.participantId))
    await until('everybody has a consumer', () => inAnswers.length + of('consumer:added').length === 8)
    const inNotices = of('consumer:added').map(notice => notice.participantId)
    expect([...inAnswers, ...inNotices].sort()).toEqual(ids)
    for (const { consumer } of of('consumer:added')) expect(consumer.producerId).toBe(producerId)
  })

  test('who joins receives what is published already, as far as it can', async () => {
    const { sfu } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const mic = await publishRaw(sfu, anna, 'mic')
    const camera = await publishRaw(sfu, anna, 'camera')
    const ben = await joinRaw(sfu, 'room', 'ben')
    expect(
      ben.consumers.map(({ producerId, participantId, source, kind }) => [
        producerId,
        participantId,
        source,
        kind,
      ]),
    ).toEqual([
      [mic.producerId, 'anna', 'mic', 'audio'],
      [camera.producerId, 'anna', 'camera', 'video'],
    ])
    expect(ben.call.participants[0]?.tracks.map(track => track.source)).toEqual(['mic', 'camera'])
    const codecs = ROUTER_RTP_CAPABILITIES.codecs?.filter(codec => codec.kind === 'audio') ?? []
    const onlyHears = await joinRaw(sfu, 'room', 'cleo', { ...ROUTER_RTP_CAPABILITIES, codecs })
    expect(onlyHears.consumers.map(consumer => consumer.source)).toEqual(['mic'])
  })

  test('a new track is told to the others first, then the call as it is now', async () => {
    const { sfu, heard, of } = await start()
    const [anna] = await Promise.all(['anna', 'ben', 'cleo'].map(id => joinRaw(sfu, 'room', id)))
    if (!anna) throw new Error('nobody joined')
    await until('all are told of', () => of('call:changed').at(-1)?.call.participants.length === 3)
    heard.length = 0
    const { producerId } = await publishRaw(sfu, anna, 'camera')
    await until('the call changed', () => of('call:changed').length === 1)
    expect(heard.map(({ name }) => name)).toEqual(['consumer:added', 'consumer:added', 'call:changed'])
    expect(
      of('consumer:added')
        .map(({ participantId }) => participantId)
        .sort(),
    ).toEqual(['ben', 'cleo'])
    const others = of('call:changed')[0]?.call.participants.find(participant => participant.id === 'anna')
    expect(others?.tracks).toEqual([{ producerId, source: 'camera', paused: false }])
  })

  test('pause and resume show in the call', async () => {
    const { sfu } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const { producerId } = await publishRaw(sfu, anna, 'mic')
    const paused = async () => {
      const { call } = await sfu.request('call:get', { roomId: 'room' })
      return call?.participants[0]?.tracks[0]?.paused
    }
    await sfu.request('producer:pause', { ...idsOf(anna), producerId })
    expect(await paused()).toBe(true)
    await sfu.request('producer:resume', { ...idsOf(anna), producerId })
    expect(await paused()).toBe(false)
  })

  test('closing a track closes it for everybody', async () => {
    const { sfu, of } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const { producerId } = await publishRaw(sfu, anna, 'mic')
    const ben = await joinRaw(sfu, 'room', 'ben')
    await sfu.request('producer:close', { ...idsOf(anna), producerId })
    await until('the consumer is closed', () => of('consumer:closed').length === 1)
    expect(of('consumer:closed')[0]).toEqual({ ...idsOf(ben), consumerId: ben.consumers[0]?.id })
    await until(
      'no track is left',
      () => of('call:changed').at(-1)?.call.participants[0]?.tracks.length === 0,
    )
    await expect(sfu.request('producer:close', { ...idsOf(anna), producerId })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('what belongs to others or does not exist is refused', async () => {
    const { sfu } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const { producerId } = await publishRaw(sfu, anna, 'mic')
    const ben = await joinRaw(sfu, 'room', 'ben')
    const other = await joinRaw(sfu, 'other', 'dora')
    const consumerId = ben.consumers[0]?.id ?? ''
    const notFound = { code: 'not_found' }
    await expect(sfu.request('producer:close', { ...idsOf(ben), producerId })).rejects.toMatchObject(notFound)
    await expect(sfu.request('producer:pause', { ...idsOf(ben), producerId })).rejects.toMatchObject(notFound)
    await expect(
      sfu.request('consumer:resume', { ...idsOf(anna), consumerIds: [consumerId] }),
    ).rejects.toMatchObject(notFound)
    await expect(
      sfu.request('consumer:prefer', { ...idsOf(anna), consumerId, spatialLayer: 0 }),
    ).rejects.toMatchObject(notFound)
    await expect(
      sfu.request('transport:restart', { ...idsOf(ben), transportId: anna.sendTransport.id }),
    ).rejects.toMatchObject(notFound)
    await expect(publishRaw(sfu, { ...ben, sendTransport: anna.sendTransport }, 'mic')).rejects.toMatchObject(
      notFound,
    )
    const stranger = { roomId: 'room', participantId: other.participantId }
    await expect(sfu.request('producer:close', { ...stranger, producerId })).rejects.toMatchObject({
      code: 'not_in_call',
    })
    await expect(
      sfu.request('producer:close', { roomId: 'nowhere', participantId: 'anna', producerId }),
    ).rejects.toMatchObject({ code: 'not_in_call' })
    // A known consumer is resumed though an unknown one is refused beside it.
    await expect(
      sfu.request('consumer:resume', { ...idsOf(ben), consumerIds: [consumerId, 'gone'] }),
    ).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('"gone"') })
    await sfu.request('consumer:prefer', { ...idsOf(ben), consumerId, spatialLayer: 0, temporalLayer: 0 })
  })

  test('a transport is connected once, restarted at will', async () => {
    const { sfu } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const transport = { ...idsOf(anna), transportId: anna.sendTransport.id }
    await sfu.request('transport:connect', { ...transport, dtlsParameters: DTLS })
    await sfu.request('transport:connect', { ...transport, dtlsParameters: DTLS })
    await expect(
      sfu.request('transport:connect', { ...transport, dtlsParameters: { ...DTLS, role: 'server' } }),
    ).rejects.toMatchObject({ code: 'conflict' })
    const { iceParameters } = await sfu.request('transport:restart', transport)
    expect(iceParameters.usernameFragment).not.toBe(anna.sendTransport.iceParameters.usernameFragment)
  })

  test('tracks: kind, transport, number and doubles are checked', async () => {
    const { sfu, local } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const base = { ...idsOf(anna), transportId: anna.sendTransport.id }
    await expect(
      sfu.request('producer:create', {
        ...base,
        source: 'mic',
        kind: 'video',
        rtpParameters: rtpParametersOf('camera'),
      }),
    ).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('mic') })
    await expect(
      publishRaw(sfu, { ...anna, sendTransport: anna.receiveTransport }, 'mic'),
    ).rejects.toMatchObject({ code: 'invalid_request' })

    const rtpParameters = rtpParametersOf('camera')
    const [camera, retried] = await Promise.all([
      publishRaw(sfu, anna, 'camera', rtpParameters),
      publishRaw(sfu, anna, 'camera', rtpParameters),
    ])
    expect(retried).toEqual(camera)
    expect(await publishRaw(sfu, anna, 'camera', rtpParameters)).toEqual(camera)
    await expect(publishRaw(sfu, anna, 'camera')).rejects.toMatchObject({ code: 'conflict' })

    const more = LIMITS.producersPerParticipant - 1
    await Promise.all(Array.from({ length: more }, () => publishRaw(sfu, anna, 'screen')))
    await expect(publishRaw(sfu, anna, 'screen')).rejects.toMatchObject({
      code: 'limit_reached',
      message: expect.stringContaining('64'),
      details: { limit: 64 },
    })
    expect(await local.counts()).toMatchObject([{ producers: 64 }])
  })

  test('media parameters the engine cannot take are refused, and it lives on', async () => {
    const { sfu, local } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const [before] = await local.counts()
    const good = rtpParametersOf('camera')
    const codec = (good.codecs[0] ?? {}) as object
    const hostile: unknown[] = [
      {},
      { ...good, codecs: [] },
      { ...good, codecs: 'VP8' },
      { ...good, codecs: [null] },
      { ...good, codecs: [{ ...codec, mimeType: 'video/H266' }] },
      { ...good, codecs: [{ ...codec, mimeType: `video/${'8'.repeat(100_000)}` }] },
      { ...good, codecs: [{ ...codec, payloadType: 4_000_000_000 }] },
      { ...good, codecs: [{ ...codec, payloadType: -1 }] },
      { ...good, codecs: [{ ...codec, clockRate: 'fast' }] },
      { ...good, codecs: [{ ...codec, parameters: { deep: { deeper: {} } } }] },
      { ...good, codecs: [{ ...codec, rtcpFeedback: [{ type: 5 }] }] },
      { ...good, codecs: Array.from({ length: 1_000 }, () => codec) },
      { ...good, codecs: [codec, { mimeType: 'video/rtx', payloadType: 97, clockRate: 90_000 }] },
      {
        ...good,
        codecs: [
          codec,
          { mimeType: 'video/rtx', payloadType: 97, clockRate: 90_000, parameters: { apt: 3 } },
        ],
      },
      { ...good, encodings: [] },
      { ...good, encodings: [{ ssrc: -5 }] },
      { ...good, encodings: [{ ssrc: 2 ** 40 }] },
      { ...good, encodings: [{ ssrc: 7 }, { ssrc: 7 }] },
      { ...good, encodings: [{ ssrc: 7, scalabilityMode: 'L99T99' }] },
      { ...good, encodings: [{ ssrc: 7, codecPayloadType: 12 }] },
      { ...good, encodings: [{ ssrc: 7, rtx: { ssrc: 'x' } }] },
      { ...good, encodings: Array.from({ length: 500 }, (_, i) => ({ rid: `r${i}` })) },
      { ...good, headerExtensions: [{ uri: 'urn:x', id: 99_999 }] },
      { ...good, mid: 'm'.repeat(10_000) },
      { ...good, rtcp: 'none' },
    ]
    for (const rtpParameters of hostile) {
      const outcome = await publishRaw(sfu, anna, 'screen', rtpParameters).then(
        ({ producerId }) => ({ producerId }),
        error => ({ code: error.code }),
      )
      expect(outcome, JSON.stringify(rtpParameters).slice(0, 200)).toEqual({ code: 'invalid_request' })
    }
    await expect(joinRaw(sfu, 'room', 'ben', { codecs: [{ kind: 'x' }] } as never)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    await expect(
      sfu.request('transport:connect', {
        ...idsOf(anna),
        transportId: anna.sendTransport.id,
        dtlsParameters: { fingerprints: [{ algorithm: 'md5', value: '' }] },
      }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
    await publishRaw(sfu, anna, 'camera', good)
    const [after] = await local.counts()
    expect(after).toEqual({ ...before, producers: 1 })
  })
}
