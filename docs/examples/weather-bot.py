# Says how warm it is: /weather Oslo, or "@Weather Oslo". With nothing but the standard library: python3 weather-bot.py
import base64, hashlib, hmac, json, os, re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote
from urllib.request import Request, urlopen

env = os.environ.get
SECRET = base64.b64decode(env("BOT_SECRET", "").removeprefix("whsec_"))
WEATHER, PLACES = env("WEATHER_URL", "https://api.open-meteo.com/v1"), env("PLACES_URL", "https://geocoding-api.open-meteo.com/v1")

def ask(url):
    return json.load(urlopen(url, timeout=4))

def places(name, count):
    return ask(f"{PLACES}/search?count={count}&name={quote(name)}").get("results", [])

def report(name):
    found = places(name, 1)
    if not found:
        return {"text": f"I know no place called {name}."}
    place = found[0]
    where = f"latitude={place['latitude']}&longitude={place['longitude']}"
    warm = ask(f"{WEATHER}/forecast?current=temperature_2m&{where}")["current"]["temperature_2m"]
    again = {"type": "button", "id": "again", "label": "Again"}
    return {"text": f"{place['name']}: {warm} °C", "metadata": {"name": name}, "controls": [again]}

def answer(asked):
    kind, data = asked["type"], asked["data"]
    if kind == "command.run":
        return report(data["arguments"]["place"])
    if kind == "command.complete":
        found = places(data["text"] or "A", 5)
        return {"choices": [{"value": one["name"], "label": f"{one['name']}, {one['country']}"} for one in found]}
    if kind == "button.pressed":
        return {"update": report(data["message"]["metadata"]["name"])}
    return report(re.sub(r"@\w+", "", data["data"]["parts"][0].get("text", "")).strip())

class Bot(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        own = "v1," + base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
        is_signed = any(hmac.compare_digest(own, one) for one in self.headers["webhook-signature"].split())
        said = json.dumps(answer(json.loads(body))).encode() if is_signed else b""
        self.send_response(200 if is_signed else 401)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

place = {"kind": "text", "name": "place", "required": True, "completes": True}
commands = {"commands": [{"name": "weather", "description": "How warm it is somewhere", "arguments": [place]}]}
headers = {"Authorization": "Bearer " + env("BOT_TOKEN", ""), "Content-Type": "application/json"}
address = f"{env('TRUNKLINE_URL', 'http://127.0.0.1:3000')}/v1/bots/{env('BOT_ID', 'weather')}/commands"
server = ThreadingHTTPServer(("", int(env("PORT", "8080"))), Bot)
urlopen(Request(address, json.dumps(commands).encode(), headers, method="PUT"))
print("ready", flush=True)
server.serve_forever()
