# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Checks the C++ engine against the slow reference on made-up snapshots and requests.
"""crosscheck.py PROGRAM … [--cases N] [--seed S], where PROGRAM … is `flipt-cli eval`"""

import argparse
import json
import subprocess
import sys
import tempfile

import compare
import flipt_reference
import generate


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("program", nargs="+")
    p.add_argument("--cases", type=int, default=20000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--per-snapshot", type=int, default=500)
    a = p.parse_args()
    done = bad = refused = matched = 0
    document = 0
    while done < a.cases and bad < 10:
        version = "v2" if document % 2 else "v1"
        rng = generate.seeded(a.seed, document, version)
        document += 1
        snapshot = generate.snapshot(rng, version)
        reference = flipt_reference.Evaluator(snapshot, version)
        requests = [generate.request(rng, snapshot["flags"]) for _ in range(a.per_snapshot)]
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as f:
            json.dump(snapshot, f, ensure_ascii=bool(document % 3), indent=None if document % 5 else 1)
            f.flush()
            out = subprocess.run(a.program + ["--snapshot", f.name, "--rules", version], capture_output=True, text=True,
                                 input="".join(json.dumps(r) + "\n" for r in requests), check=False)
        lines = out.stdout.splitlines()
        if out.returncode or len(lines) != len(requests):
            print(f"document {document - 1} {version}: exit {out.returncode}, {len(lines)} lines, {out.stderr[:500]}")
            return 1
        for request, line in zip(requests, lines):
            done += 1
            expected = reference.answer(request)
            refused += expected["status"] != 200
            matched += expected["response"].get("reason", "").startswith("MATCH")
            d = compare.difference(expected, json.loads(line))
            if d:
                bad += 1
                if bad <= 5:
                    print(f"document {document - 1} {version}: {json.dumps(request, ensure_ascii=False)}\n  expected {d[0]}\n  actual   {d[1]}")
    print(f"{done} cases on {document} snapshots ({matched} matched, {refused} refused by the rules): {bad} differ")
    return 1 if bad or not done else 0


if __name__ == "__main__":
    sys.exit(main())
