"""Publishes a moving picture and a tone by WHIP (RFC 9725), with aiortc: a client Trunkline did not write.

    publish.py <endpoint> <token>

Prints the stream's address when it is connected, ends it when its input is closed, and exits.
"""

import asyncio
import fractions
import math
import sys
import urllib.error
import urllib.parse
import urllib.request

import numpy
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

ENDPOINT, TOKEN = sys.argv[1:]
RATE = 48_000


class Stripes(VideoStreamTrack):
    count = 0

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        self.count += 1
        picture = numpy.zeros((360, 640, 3), numpy.uint8)
        picture[:, :, 0] = 200
        picture[(self.count * 4) % 320 : (self.count * 4) % 320 + 40, :, 1] = 220
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    sent = 0

    async def recv(self):
        samples = RATE // 50
        times = numpy.arange(self.sent, self.sent + samples)
        wave = (12_000 * numpy.sin(2 * math.pi * 440 * times / RATE)).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = self.sent, RATE, fractions.Fraction(1, RATE)
        self.sent += samples
        # As fast as it sounds.
        self.begun = getattr(self, "begun", None) or asyncio.get_event_loop().time()
        await asyncio.sleep(max(0, self.begun + self.sent / RATE - asyncio.get_event_loop().time()))
        return frame


def ask(method, address, body=None, **headers):
    request = urllib.request.Request(
        address, data=body, method=method, headers={"Authorization": f"Bearer {TOKEN}", **headers}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{method} {address}: {refusal.read().decode()}\nwith {body.decode() if body else 'nothing'}")


async def main():
    peer = RTCPeerConnection()
    connected = asyncio.Event()
    peer.on("connectionstatechange", lambda: peer.connectionState == "connected" and connected.set())
    peer.addTransceiver(Tone(), direction="sendonly")
    peer.addTransceiver(Stripes(), direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp.encode()
    headers, answer = ask("POST", ENDPOINT, offer, **{"Content-Type": "application/sdp"})
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected.wait(), 30)
    stream = urllib.parse.urljoin(ENDPOINT, headers["Location"])
    print(stream, flush=True)
    await asyncio.get_event_loop().run_in_executor(None, sys.stdin.read)
    ask("DELETE", stream)
    await peer.close()


asyncio.run(main())
