"""Watches by WHEP (draft-ietf-wish-whep), with aiortc: a client Trunkline did not write.

    watch.py <endpoint> <token>

Prints what it sees and hears, a line of JSON every half second; ends it when its input is closed, and exits.
"""

import asyncio
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import numpy
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

ENDPOINT, TOKEN = sys.argv[1:]
seen = {"frames": 0, "colour": None, "width": 0, "sounds": 0, "hertz": 0, "state": "new"}


async def look(track):
    while True:
        frame = await track.recv()
        picture = frame.to_ndarray(format="rgb24")
        seen["frames"] += 1
        seen["width"] = frame.width
        seen["colour"] = [int(value) for value in picture[frame.height // 2, frame.width // 2]]


async def listen(track):
    heard = numpy.zeros(0)
    while True:
        frame = await track.recv()
        samples = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)]
        heard = numpy.concatenate([heard, samples])[-frame.sample_rate :]
        seen["sounds"] += 1
        if len(heard) == frame.sample_rate and seen["sounds"] % 25 == 0:
            spectrum = numpy.abs(numpy.fft.rfft(heard))
            seen["hertz"] = int(spectrum.argmax()) if heard.any() else 0


def ask(method, address, body=None, **headers):
    request = urllib.request.Request(
        address, data=body, method=method, headers={"Authorization": f"Bearer {TOKEN}", **headers}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{method} {address}: {refusal.read().decode()}\nwith {body.decode() if body else 'nothing'}")


async def tell():
    while True:
        print(json.dumps(seen), flush=True)
        await asyncio.sleep(0.5)


async def until_closed(work):
    try:
        await work
    except MediaStreamError:
        pass


async def main():
    peer = RTCPeerConnection()

    @peer.on("connectionstatechange")
    def changed():
        seen["state"] = peer.connectionState

    @peer.on("track")
    def came(track):
        asyncio.ensure_future(until_closed(look(track) if track.kind == "video" else listen(track)))

    peer.addTransceiver("audio", direction="recvonly")
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp.encode()
    headers, answer = ask("POST", ENDPOINT, offer, **{"Content-Type": "application/sdp"})
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    stream = urllib.parse.urljoin(ENDPOINT, headers["Location"])
    print(json.dumps({"stream": stream}), flush=True)
    telling = asyncio.ensure_future(tell())
    await asyncio.get_event_loop().run_in_executor(None, sys.stdin.read)
    telling.cancel()
    ask("DELETE", stream)
    await peer.close()


asyncio.run(main())
