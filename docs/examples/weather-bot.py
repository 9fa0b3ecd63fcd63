# Says how warm it is: /weather Oslo days:3, or Oslo with a mention. With nothing but the standard library: python3 weather-bot.py
import base64, hmac, json, os, re, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote
from urllib.request import Request, urlopen

env, SECRET = os.environ.get, base64.b64decode(os.environ["BOT_SECRET"].removeprefix("whsec_"))
WEATHER, PLACES = env("WEATHER_URL", "https://api.open-meteo.com/v1"), env("PLACES_URL", "https://geocoding-api.open-meteo.com/v1")

def ask(url):
    return json.load(urlopen(url, timeout=1.8))  # a command is waited for 5 seconds, a completion 2

def places(name, count):
    return ask(f"{PLACES}/search?count={count}&name={quote(name)}").get("results", [])

def report(name, days=1):
    found = places(name, 1)
    if not found:
        return {"text": f"I know no place called {name}."}
    where = f"latitude={found[0]['latitude']}&longitude={found[0]['longitude']}&timezone=auto&forecast_days={days}"
    now = ask(f"{WEATHER}/forecast?current=temperature_2m&daily=temperature_2m_max&{where}")
    ahead = f", at most {', '.join(map(str, now['daily']['temperature_2m_max']))} °C day by day" if days > 1 else ""
    said = f"{found[0]['name']}: {now['current']['temperature_2m']} °C{ahead}"
    return {"text": said, "metadata": {"place": name, "days": days}, "controls": [{"type": "button", "id": "again", "label": "Again"}]}

def answer(kind, data):
    if kind == "command.run":
        return report(data["arguments"]["place"], data["arguments"].get("days", 1))
    if kind == "command.complete":
        return {"choices": [{"value": one["name"], "label": f"{one['name']}, {one['country']}"} for one in places(data["text"] or "A", 5)]}
    if kind == "button.pressed":
        return {"update": report(data["message"]["metadata"]["place"], data["message"]["metadata"]["days"])}
    return report(re.sub(r"@\w+", "", data["data"]["parts"][0].get("text", "")).strip())

class Bot(BaseHTTPRequestHandler):
    def do_POST(self):
        size, at = self.headers.get("content-length", ""), self.headers.get("webhook-timestamp", "")
        body = self.rfile.read(int(size) if size.isdecimal() and len(size) < 8 else 0)
        own = b"v1," + base64.b64encode(hmac.digest(SECRET, f"{self.headers['webhook-id']}.{at}.".encode() + body, "sha256"))
        given = self.headers.get("webhook-signature", "").encode().split()
        if not (at.isdecimal() and abs(time.time() - float(at)) < 300 and any(hmac.compare_digest(own, one) for one in given)):
            return self.send_error(401)
        asked = json.loads(body)
        try:
            said = answer(asked["type"], asked["data"])
        except (OSError, ValueError, LookupError):  # no network, or not what was asked for
            said = {"choices": []} if asked["type"] == "command.complete" else {"text": "The weather is out of reach."}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())
place = {"kind": "text", "name": "place", "required": True, "completes": True}
days = {"kind": "number", "name": "days", "whole": True, "min": 1, "max": 7}
commands = {"commands": [{"name": "weather", "description": "How warm it is", "arguments": [place, days]}]}
headers = {"Authorization": "Bearer " + env("BOT_TOKEN", ""), "Content-Type": "application/json"}
address = f"{env('TRUNKLINE_URL', 'http://127.0.0.1:3000')}/v1/bots/{env('BOT_ID', 'weather')}/commands"
server = ThreadingHTTPServer((env("HOST", "127.0.0.1"), int(env("PORT", "8080"))), Bot)
urlopen(Request(address, json.dumps(commands).encode(), headers, method="PUT"))
print("ready", flush=True)
server.serve_forever()
