# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Checks the slow reference, and the C++ engine if given, against a running Flipt server on fresh random requests.
"""server_check.py URL v1|v2 [--token JWT] [--requests N] [--seed S] [--program flipt-cli eval]

The server must serve the namespace `default` made by: server_check.py --features v1|v2 SEED FILE"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import urllib.parse

import compare
import flipt_reference
import generate

SNAPSHOT = {"v1": "/internal/v1/evaluation/snapshot/namespace/default", "v2": "/client/v2/environments/default/namespaces/default/snapshot"}


def main():
    if len(sys.argv) == 5 and sys.argv[1] == "--features":
        with open(sys.argv[4], "w", encoding="utf-8") as f:
            json.dump(generate.features(generate.seeded("features", sys.argv[3]), sys.argv[2]), f, indent=1, ensure_ascii=False)
        return 0
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("url")
    p.add_argument("version", choices=["v1", "v2"])
    p.add_argument("--token", default="")
    p.add_argument("--program", nargs="+")
    p.add_argument("--requests", type=int, default=10000)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    url = urllib.parse.urlsplit(a.url)
    connection = http.client.HTTPConnection(url.hostname, url.port)
    headers = {"Authorization": "JWT " + a.token, "X-Flipt-Accept-Server-Version": "1.47.0"}
    connection.request("GET", SNAPSHOT[a.version], headers=headers)
    snapshot = json.loads(connection.getresponse().read())
    reference = flipt_reference.Evaluator(snapshot, a.version)
    rng = generate.seeded("requests", a.seed, a.version)
    requests = [generate.request(rng, snapshot["flags"]) for _ in range(a.requests)]
    ours = [None] * len(requests)
    if a.program:
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as f:
            json.dump(snapshot, f)
            f.flush()
            out = subprocess.run(a.program + ["--snapshot", f.name, "--rules", a.version], capture_output=True, text=True,
                                 input="".join(json.dumps(r) + "\n" for r in requests), check=True)
        ours = [json.loads(x) for x in out.stdout.splitlines()]
        assert len(ours) == len(requests)
    bad_reference = bad_ours = matched = 0
    for request, mine in zip(requests, ours):
        connection.request("POST", "/evaluate/v1/" + request["type"], json.dumps(request["request"]), headers)
        reply = connection.getresponse()
        response = {k: v for k, v in json.loads(reply.read()).items() if k not in ("requestDurationMillis", "timestamp")}
        expected = {"type": request["type"], "status": reply.status, "response": response}
        matched += response.get("reason", "").startswith("MATCH")
        for name, actual in (("reference", reference.answer(request)), ("engine", mine)):
            d = compare.difference(expected, actual) if actual else None
            if d:
                bad_reference += name == "reference"
                bad_ours += name == "engine"
                if bad_reference + bad_ours <= 6:
                    print(f"{json.dumps(request, ensure_ascii=False)}\n  server {d[0]}\n  {name} {d[1]}")
    print(f"{a.version}: {len(requests)} requests, {len(snapshot['flags'])} flags, {matched} matched: reference differs {bad_reference} times"
          + (f", engine {bad_ours} times" if a.program else ""))
    return 1 if bad_reference or bad_ours else 0


if __name__ == "__main__":
    sys.exit(main())
