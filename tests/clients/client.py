"""Clients of PyPI, each used as its documentation says: `client.py NAME URL [NAME URL…]`. Most leave connecting again to the program,
which sends the last id that it saw. Each call is a line of JSON that names the client: event (with type, data, id), lost (the
connection broke), end (the stream ended whole), again (the program connects again), ended (there is nothing more to come)."""
import asyncio
import contextlib
import datetime
import json
import sys
import threading
import time

import aiohttp
import httpx
import httpx_sse
import requests
import sseclient
from aiohttp_sse_client2.client import EventSource

RETRY_S = 0.1  # the pause of any such program before it connects again
printing = threading.Lock()


def sayer(client):
    def say(call, **more):
        with printing:
            print(json.dumps({"client": client, "call": call, **more}), flush=True)
    return say


@contextlib.contextmanager
def by_httpx(url, headers):
    with httpx.Client(timeout=httpx.Timeout(5, read=None)) as client:
        with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
            yield source.response.status_code, source.iter_sse


@contextlib.contextmanager
def by_requests(url, headers):
    with requests.get(url, headers={"Accept": "text/event-stream", **headers}, stream=True, timeout=(5, None)) as answer:
        yield answer.status_code, sseclient.SSEClient(answer).events


def follow(connect, url, say):
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
        say("again")


async def by_aiohttp(url, say):
    """Connects again by itself after an end, and raises at a cut."""
    last = None
    while True:
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
                # Or it waits ten seconds where the loop's first attempt meets nobody: a new one has heard of no `retry`.
                async with EventSource(url, session=session, headers={"Last-Event-ID": last} if last else {},
                                       reconnection_time=datetime.timedelta(seconds=RETRY_S)) as source:
                    async for event in source:
                        last = event.last_event_id or last
                        say("event", type=event.type, data=event.data, id=event.last_event_id)
        except ConnectionAbortedError as refused:
            if "status: 204" in str(refused):
                return say("ended")
            raise
        except (aiohttp.ClientError, ConnectionError):
            say("lost")
        await asyncio.sleep(RETRY_S)
        say("again")


CLIENTS = {
    "httpx-sse": lambda url, say: follow(by_httpx, url, say),
    "sseclient-py on requests": lambda url, say: follow(by_requests, url, say),
    "aiohttp-sse-client2": lambda url, say: asyncio.run(by_aiohttp(url, say)),
}
for name, target in zip(sys.argv[1::2], sys.argv[2::2]):
    threading.Thread(target=CLIENTS[name], args=(target, sayer(name))).start()
