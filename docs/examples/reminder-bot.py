# Reminds people of appointments: /appointment. With nothing but the standard library: python3 reminder-bot.py
import base64, datetime, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

env = os.environ.get
SECRET = base64.b64decode(os.environ["BOT_SECRET"].removeprefix("whsec_"))

def api(method, path, body=None):  # in the bot's own name, and with its rights
    headers = {"Authorization": "Bearer " + env("BOT_TOKEN", ""), "Content-Type": "application/json"}
    address = env("TRUNKLINE_URL", "http://127.0.0.1:3000") + "/v1" + path
    return json.load(urlopen(Request(address, body and json.dumps(body).encode(), headers, method=method)))

FIELDS = [
    {"kind": "text", "name": "what", "label": "What", "required": True, "maxChars": 80},
    {"kind": "time", "name": "at", "label": "When", "required": True},
    {"kind": "number", "name": "minutes", "label": "Minutes before", "min": 0, "max": 10080, "whole": True},
]
FORM = {"type": "form", "id": "new", "label": "Make an appointment", "submit": "Remind me", "fields": FIELDS}
CANCEL = {"type": "button", "id": "cancel", "label": "Cancel", "style": "danger"}

def answer(asked):
    kind, data, user = asked["type"], asked["data"], asked.get("user")
    waiting = f"/rooms/{asked['room']['id']}/scheduled-messages"
    if kind == "command.run":
        return {"text": "When is it?", "controls": [FORM]}
    if kind == "form.submitted":
        what, at, minutes = data["values"]["what"], data["values"]["at"], data["values"].get("minutes", 60)
        send_at = datetime.datetime.fromisoformat(at.replace("Z", "+00:00")) - datetime.timedelta(minutes=minutes)
        text = f"{user['name']}, a reminder: {what}, {at}."
        reminder = {"sendAt": send_at.strftime("%Y-%m-%dT%H:%M:%SZ"), "text": text, "mentions": [user["id"]]}
        kept = api("POST", waiting, {**reminder, "clientId": asked["id"]})  # the same each time this is asked: sent once
        return {"update": {"text": f"{what}, {at}: noted.", "metadata": {"scheduleId": kept["id"]}, "controls": [CANCEL]}}
    if kind == "button.pressed":
        api("DELETE", f"{waiting}/{data['message']['metadata']['scheduleId']}")
        return {"update": {"text": "Cancelled."}}
    return {"text": "Say /appointment, and I remind you of it."}

class Bot(BaseHTTPRequestHandler):
    def do_POST(self):
        size, at = self.headers.get("content-length", ""), self.headers.get("webhook-timestamp", "")
        body = self.rfile.read(int(size) if size.isdecimal() and len(size) < 8 else 0)
        own = b"v1," + base64.b64encode(hmac.digest(SECRET, f"{self.headers['webhook-id']}.{at}.".encode() + body, "sha256"))
        given = self.headers.get("webhook-signature", "").encode().split()
        if not (at.isdecimal() and abs(time.time() - float(at)) < 300 and any(hmac.compare_digest(own, one) for one in given)):
            return self.send_error(401)
        try:
            said = answer(json.loads(body))
        except HTTPError as error:
            said = {"text": json.load(error)["detail"], "ephemeral": True}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())
server = ThreadingHTTPServer((env("HOST", "127.0.0.1"), int(env("PORT", "8080"))), Bot)
command = {"name": "appointment", "description": "Be reminded of one"}
api("PUT", f"/bots/{env('BOT_ID', 'reminder')}/commands", {"commands": [command]})
print("ready", flush=True)
server.serve_forever()
