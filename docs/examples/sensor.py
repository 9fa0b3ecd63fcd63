# Publishes a temperature every minute, with nothing but the standard library: python3 sensor.py
import json, os, random, time, urllib.request

url, room = os.environ.get("TRUNKLINE_URL", "http://127.0.0.1:3000"), os.environ["ROOM"]
address = f"{url}/v1/rooms/{room}/nodes/x-temperature"
headers = {"Authorization": "Bearer " + os.environ["TRUNKLINE_TOKEN"], "Content-Type": "application/json"}

while True:
    payload = {"celsius": 20 + random.random()}  # what your sensor reads
    urllib.request.urlopen(urllib.request.Request(address, json.dumps({"payload": payload}).encode(), headers))
    time.sleep(int(os.environ.get("EVERY_MS", "60000")) / 1000)
