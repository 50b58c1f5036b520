"""Posts each line of its standard input into the lobby: once and in order, whatever happens to the network.

    uptime | python3 examples/report.py

Only the standard library is needed. PARLOR_URL is the server, PARLOR_TOKEN a token if it asks for one.
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

URL = os.environ.get("PARLOR_URL", "http://127.0.0.1:8000")
TOKEN = os.environ.get("PARLOR_TOKEN")
TIMEOUT_S = 10
GIVE_UP_S = 120


class Refused(Exception):
    """The same request would be refused again."""


def post(room, text, user="report"):
    """Returns the message when the server has it. Raises Refused, or the last failure after GIVE_UP_S."""
    headers = {
        "content-type": "application/json",
        # One id for all attempts: if an answer was lost, the next attempt gets it, and posts nothing.
        "idempotency-key": str(uuid.uuid4()),
    }
    if TOKEN:
        headers["authorization"] = f"Bearer {TOKEN}"
    request = urllib.request.Request(
        f"{URL}/api/rooms/{urllib.parse.quote(room, safe='')}/messages",
        data=json.dumps({"user": user, "text": text}).encode(),
        headers=headers,
    )
    give_up_at = time.monotonic() + GIVE_UP_S
    attempt = 0
    while True:
        retry_after_s = 0.0
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise Refused(error.read().decode()) from error
            failure = error
            retry_after_s = float(error.headers.get("retry-after", 0))
        # No connection, or it ended before the answer was complete.
        except (OSError, http.client.HTTPException) as error:
            failure = error
        # Random, so that many clients of a server that was away do not come back at the same moment.
        wait_s = retry_after_s + random.uniform(0, min(10, 0.2 * 2**attempt))
        if time.monotonic() + wait_s > give_up_at:
            raise failure
        print(f"again in {wait_s:.1f} s: {failure}", file=sys.stderr)
        time.sleep(wait_s)
        attempt += 1


for line in sys.stdin:
    if line.strip():
        message = post("channel:lobby", line.strip())
        # A message that RabbitMQ has, but no room yet, has no seq.
        print(message.get("seq", "queued"), line.strip(), flush=True)
