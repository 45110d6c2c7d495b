"""As many calls as a collection makes, made by bare `requests` that does nothing with the answers.

What these take is what this machine can do at this moment, sandbox server included.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests


def main() -> None:
    given = json.loads(sys.stdin.read())
    base = f"{given['base_url']}/api/4.0"
    keys = {name: given[name] for name in ("client_id", "client_secret")}
    token = requests.post(f"{base}/login", data=keys, timeout=60).json()["access_token"]
    local = threading.local()

    def call(_: int) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.get(
            f"{base}/queries/1", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        answer.raise_for_status()

    began = time.perf_counter()
    with ThreadPoolExecutor(given["concurrency"]) as pool:
        for _ in pool.map(call, range(given["calls"])):
            pass
    json.dump({"seconds": time.perf_counter() - began}, sys.stdout)


if __name__ == "__main__":
    main()
