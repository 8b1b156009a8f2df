"""Clients of PyPI, each used as its documentation says: `client.py NAME URL`. They leave connecting again to the program, which
sends the last id that it saw. Each call is a line of JSON: event (with type, data, id), lost (the connection broke), end (the
stream ended whole), ended (there is nothing more to come)."""
import contextlib
import json
import sys
import time

import httpx
import httpx_sse
import requests
import sseclient

RETRY_S = 0.1  # the pause of any such program before it connects again


def say(call, **more):
    print(json.dumps({"call": call, **more}), flush=True)


@contextlib.contextmanager
def by_httpx(url, headers):
    with httpx.Client(timeout=httpx.Timeout(5, read=None)) as client:
        with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
            yield source.response.status_code, source.iter_sse


@contextlib.contextmanager
def by_requests(url, headers):
    with requests.get(url, headers={"Accept": "text/event-stream", **headers}, stream=True, timeout=(5, None)) as answer:
        yield answer.status_code, sseclient.SSEClient(answer).events


def follow(connect, url):
    last = None
    while True:
        try:
            with connect(url, {"Last-Event-ID": last} if last else {}) as (status, events):
                if status == 204:
                    return say("ended")
                for event in events() if status == 200 else ():
                    last = event.id or last
                    say("event", type=event.event, data=event.data, id=event.id)
                say("end")
        except (httpx.HTTPError, requests.RequestException):
            say("lost")
        time.sleep(RETRY_S)


follow({"httpx-sse": by_httpx, "sseclient-py": by_requests}[sys.argv[1]], sys.argv[2])
