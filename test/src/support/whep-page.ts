import type { Browser } from 'playwright-core'
import { type Visitor, visit } from './browser.ts'

// Pages with nothing but what browsers have: no SDK, no demo.

/** A colour, as red, green and blue from 0 to 255. */
export type Colour = [number, number, number]

declare global {
  interface Window {
    publishing: { peer: RTCPeerConnection; address: string }
    playing: { peer: RTCPeerConnection; video: HTMLVideoElement; address: string }
  }
}

/** Publishes a picture of one colour, in which something moves, and a microphone by WHIP. */
export const publishColour = async (
  browser: Browser,
  url: string,
  options: { endpoint: string; token: string; colour: Colour; codec?: string },
): Promise<Visitor> => {
  const visitor = await visit(browser, `${url}/icon.svg`, 'publisher')
  await visitor.page.evaluate(async ({ endpoint, token, colour, codec }) => {
    const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas') as HTMLCanvasElement
    canvas.width = 320
    canvas.height = 240
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    let n = 0
    setInterval(() => {
      context.fillStyle = `rgb(${colour.join(' ')})`
      context.fillRect(0, 0, 320, 240)
      context.fillStyle = 'white'
      context.fillRect((n++ * 4) % 320, 0, 8, 8)
    }, 50)
    const [video] = canvas.captureStream(20).getTracks()
    // The fake microphone, which beeps.
    const [sound] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks()
    const peer = new RTCPeerConnection()
    peer.addTransceiver(sound as MediaStreamTrack, { direction: 'sendonly' })
    const transceiver = peer.addTransceiver(video as MediaStreamTrack, { direction: 'sendonly' })
    if (codec) {
      const all = RTCRtpSender.getCapabilities('video')?.codecs ?? []
      transceiver.setCodecPreferences(all.filter(one => one.mimeType === codec))
    }
    await peer.setLocalDescription()
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    })
    const sdp = await answer.text()
    if (answer.status !== 201) throw new Error(sdp)
    await peer.setRemoteDescription({ type: 'answer', sdp })
    const address = new URL(answer.headers.get('Location') ?? '', endpoint).href
    window.publishing = { peer, address }
  }, options)
  return visitor
}

/** Ends what a page publishes or watches, as its software does. */
export const endStream = async ({ page }: Visitor, token: string): Promise<number> => {
  const address = await page.evaluate(() => (window.publishing ?? window.playing).address)
  const answer = await fetch(address, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } })
  return answer.status
}

/** Watches by WHEP. */
export const watch = async (
  browser: Browser,
  url: string,
  options: { endpoint: string; token: string; kinds?: ('audio' | 'video')[] },
): Promise<Visitor> => {
  const visitor = await visit(browser, `${url}/icon.svg`, 'viewer')
  await visitor.page.evaluate(async ({ endpoint, token, kinds = ['audio', 'video'] }) => {
    const peer = new RTCPeerConnection()
    const video = document.createElementNS('http://www.w3.org/1999/xhtml', 'video') as HTMLVideoElement
    document.documentElement.append(video)
    const stream = new MediaStream()
    peer.ontrack = ({ track }) => {
      stream.addTrack(track)
      video.srcObject = stream
      // Begun anew with each track: the one before says that it was interrupted.
      video.play().catch(() => undefined)
    }
    for (const kind of kinds) peer.addTransceiver(kind, { direction: 'recvonly' })
    await peer.setLocalDescription()
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    })
    const sdp = await answer.text()
    if (answer.status !== 201) throw new Error(sdp)
    await peer.setRemoteDescription({ type: 'answer', sdp })
    const address = new URL(answer.headers.get('Location') ?? '', endpoint).href
    window.playing = { peer, video, address }
  }, options)
  return visitor
}

/** What a page that watches shows now: the colour of its middle, how large, and how loud it has been. */
export const shownBy = ({ page }: Visitor) =>
  page.evaluate(async () => {
    const { video, peer } = window.playing
    const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas') as HTMLCanvasElement
    canvas.width = canvas.height = 1
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    const { videoWidth: width, videoHeight: height } = video
    if (width > 0) context.drawImage(video, width / 2, height / 2, 1, 1, 0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data
    let energy = 0
    const lines: { kind: string; codec: string; frames: number; lost: number; ssrc: number }[] = []
    const stats = await peer.getStats()
    for (const report of stats.values()) {
      if (report.type !== 'inbound-rtp') continue
      energy += report.totalAudioEnergy ?? 0
      lines.push({
        kind: report.kind,
        codec: stats.get(report.codecId)?.mimeType ?? '',
        frames: report.framesDecoded ?? 0,
        lost: report.packetsLost,
        ssrc: report.ssrc,
      })
    }
    return {
      colour: [red, green, blue] as [number, number, number],
      width,
      energy,
      state: peer.connectionState,
      lines,
    }
  })
