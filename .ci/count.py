# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Counts the tests of Meson's testlog.json files: the cases of a doctest or unittest program, one for any other test."""
import json
import re
import sys


def cases(test):
    """Passed and failed cases as the program says, or None."""
    doctest = re.search(r"\[doctest\] test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed", test.get("stdout") or "")
    if doctest:
        return int(doctest[2]), int(doctest[3])
    text = test.get("stderr") or ""
    unittest = re.search(r"^Ran (\d+) tests? in ", text, re.M)
    if unittest:
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", text))
        skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", text))
        return int(unittest[1]) - bad - skipped, bad
    return None


passed = failed = 0
for path in sys.argv[1:]:
    for line in open(path, encoding="utf-8"):
        test = json.loads(line)
        good = test["result"] in ("OK", "EXPECTEDFAIL")
        if test["result"] == "SKIP":
            continue
        counted = cases(test) or ((1, 0) if good else (0, 1))
        passed += counted[0]
        failed += counted[1]
        if not good and counted[1] == 0:
            failed += 1  # a sanitizer's complaint, or a crash after the last case
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
