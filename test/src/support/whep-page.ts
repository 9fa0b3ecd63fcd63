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

/** In a page: publishes a picture of one colour, in which something moves, and a microphone by WHIP. */
export const publishInPage = async ({
  endpoint,
  token,
  colour,
  codec,
}: {
  endpoint: string
  token: string
  colour: Colour
  codec?: string
}) => {
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
}

/** Publishes a colour by WHIP from a page of its own. */
export const publishColour = async (
  browser: Browser,
  url: string,
  options: Parameters<typeof publishInPage>[0],
): Promise<Visitor> => {
  const visitor = await visit(browser, `${url}/icon.svg`, 'publisher')
  await visitor.page.evaluate(publishInPage, options)
  return visitor
}

/** Ends what a page publishes or watches, as its software does. */
export const endStream = async ({ page }: Visitor, token: string): Promise<number> => {
  const address = await page.evaluate(() => (window.publishing ?? window.playing).address)
  const answer = await fetch(address, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } })
  return answer.status
}

/** In a page: watches by WHEP. */
export const watchInPage = async ({ endpoint, token }: { endpoint: string; token: string }) => {
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
  for (const kind of ['audio', 'video']) peer.addTransceiver(kind, { direction: 'recvonly' })
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
}

/** Watches by WHEP from a page of its own. */
export const watch = async (
  browser: Browser,
  url: string,
  options: Parameters<typeof watchInPage>[0],
): Promise<Visitor> => {
  const visitor = await visit(browser, `${url}/icon.svg`, 'viewer')
  await visitor.page.evaluate(watchInPage, options)
  return visitor
}

/** In a page that watches: the colour of the middle of what it shows, how large that is, and how loud it has been. */
export const lookInPage = async () => {
  const { video, peer } = window.playing
  const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas') as HTMLCanvasElement
  canvas.width = canvas.height = 1
  const context = canvas.getContext('2d') as CanvasRenderingContext2D
  const { videoWidth: width, videoHeight: height } = video
  if (width > 0) context.drawImage(video, width / 2, height / 2, 1, 1, 0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data
  let energy = 0
  const lines: { kind: string; codec: string; frames: number; lost: number; ssrc: number; ntp: number }[] = []
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
      // When what is played now was captured, by the clock of the sender; unknown before it has said so.
      ntp: report.estimatedPlayoutTimestamp ?? 0,
    })
  }
  return {
    colour: [red, green, blue] as [number, number, number],
    width,
    energy,
    state: peer.connectionState,
    lines,
  }
}

/** What a page that watches shows now. */
export const shownBy = ({ page }: Visitor) => page.evaluate(lookInPage)
