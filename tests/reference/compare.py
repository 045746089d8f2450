# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Compares two files of answered evaluations line by line, as tests/data/conformance/README.md says.
"""compare.py EXPECTED.jsonl ACTUAL.jsonl: exits 1 when a line differs."""

import json
import sys


def canonical(line):
    r = dict(line["response"])
    if "segmentKeys" in r:
        r["segmentKeys"] = sorted(r["segmentKeys"])
    if r.get("variantAttachment"):
        try:
            r["variantAttachment"] = ["json", json.dumps(json.loads(r["variantAttachment"], parse_int=float), sort_keys=True)]
        except ValueError:
            pass
    return line["type"], line["status"], r


def difference(expected, actual):
    """Nothing, or what differs."""
    a, b = canonical(expected), canonical(actual)
    if len(a[2].get("requestId", "")) == 36 and len(b[2].get("requestId", "")) == 36:
        del a[2]["requestId"], b[2]["requestId"]  # made up by either side
    return None if a == b else (a, b)


def main():
    lines = bad = 0
    with open(sys.argv[1], encoding="utf-8") as e, open(sys.argv[2], encoding="utf-8") as a:
        for expected, actual in zip(e, a, strict=True):
            lines += 1
            d = difference(json.loads(expected), json.loads(actual))
            if d:
                bad += 1
                if bad <= 5:
                    print(f"line {lines}:\n  expected {d[0]}\n  actual   {d[1]}")
    print(f"{lines} lines, {bad} differ")
    return 1 if bad or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
