# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Counts the tests of Meson's testlog.json files: the cases of a doctest program, one for any other test."""
import json
import re
import sys

passed = failed = 0
for path in sys.argv[1:]:
    for line in open(path, encoding="utf-8"):
        test = json.loads(line)
        result = test["result"]
        cases = re.search(r"\[doctest\] test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed", test.get("stdout") or "")
        good = result in ("OK", "EXPECTEDFAIL")
        if cases:
            passed += int(cases[2])
            failed += int(cases[3])
            if not good and int(cases[3]) == 0:
                failed += 1  # a sanitizer's complaint, or a crash after the last case
        elif good:
            passed += 1
        elif result != "SKIP":
            failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
