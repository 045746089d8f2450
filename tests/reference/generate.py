# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Makes up awkward snapshots, feature files and requests, always the same for the same seed.
"""Used by crosscheck.py and server_check.py."""

import json
import random

PROPERTIES = ["region", "plan", "age", "level", "beta", "since", "until", "名前", "a b", "x" * 40]
TEXTS = ["", " ", "eu", "EU", "eu-west", " eu", "eu ", "us", "pro", "prod", "pro\n", "\u00a0pro\u2003", "é", "日本", "日", "a\"b\\c",
         "player-42", "user-1", "user", "ser", "null", "[]", "\u0085", "\u200b", "x" * 70, "tab\there", "'q'", "😀"]
NUMBERS = ["0", "-0", "1", "+1", "01", "1.0", "1.5", ".5", "5.", ".", "1e3", "1E+3", "1e-3", "1e", "1_000", "1__0", "_1", "1_", "1_.5",
           "0x10", "0x1p4", "0X1.8P+3", "0x_1p4", "0x.8p1", "0x1p-1074", "0x1p-1075", "0x1.8p-1075", "0x1p1024", "0x1p", "inf", "+Inf",
           "-infinity", "Infinity", "infi", "nan", "NaN", "+nan", "1e308", "1.8e308", "1e309", "1e400", "-1e400", "4.9e-324",
           "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072011e-308", "9007199254740993",
           "9007199254740992", "9007199254740992.5", "0.1", "0.10000000000000000555", "1" + "0" * 30, "0." + "0" * 40 + "1", "1 ", " 1", "1,5",
           "3.5", "10", "1000", "100", "2147483648", "0b1", "0o7", "1e1_0", "1e_1", "½", "１", "1.7976931348623158e308", "1.7976931348623159e308",
           "123456789012345678901234567890", "0.3000000000000000166533453693773481063544750213623046875", "1" * 400, "0.1e1", "--1"]
BOOLS = ["1", "t", "T", "TRUE", "true", "True", "tRUE", "0", "f", "F", "FALSE", "false", "False", "yes", " true", "no", ""]
TIMES = ["2025-01-01", "2025-01-01T00:00:00Z", "2025-01-01T02:00:00+02:00", "2025-01-01T0:00:00Z", "2025-01-01T00:00:00.000000001Z",
         "2025-01-01T00:00:00,5Z", "2025-01-01T00:00:00.5000000009Z", "2025-01-01t00:00:00Z", "2025-01-01T00:00:00z", "2025-01-01T00:00:60Z",
         "2025-01-01T24:00:00Z", "2025-02-29", "2024-02-29", "2000-02-29", "1900-02-29", "0000-01-01", "9999-12-31T23:59:59.999999999Z",
         "2025-1-1", "2025-01-01T00:00Z", "2025-01-01T00:00:00", "2025-01-01 00:00:00Z", "2025-01-01T00:00:00+24:60", "2025-01-01T00:00:00+25:00",
         "2025-01-01T00:00:00+0200", "2025-01-01T00:00:00-00:61", "2025-01-01T00:00:00.Z", "2025-13-01", "2025-00-10", "2025-06-15T12:30:45.500Z",
         "1969-12-31T23:59:59Z", "2025-01-01T00:00:00-00:00", "2025-01-01Z", "+2025-01-01", "2025-06-31"]
LISTS = ["[]", "null", " [ ] ", "[null]", "[1, 0]", "[10]", "[1.5,1e3,-0]", "[1,]", "[,1]", "[1 2]", "[1e400]", "[01]", "[\"1\"]", "[\"eu\", \"us\"]",
         "[\"eu\",null,\"\\u65e5\\u672c\"]", "[\"\\ud800\"]", "[\"\\ud83d\\ude00\",\"pro\"]", "[\"a\\\"b\\\\c\"]", "{}", "", "x", "[\"eu\"", "[\"eu\"]x",
         "[[\"eu\"]]", "[true]", "\"eu\"", "[\"\\x\"]", "[\"tab\there\"]", json.dumps(["user-%d" % i for i in range(40)]),
         json.dumps(list(range(0, 60, 3))), json.dumps(["eu"] * 12 + ["us", "", " "]), "[1,2,3,4,5,6,7,8,9,10,1.5]", "[.5]", "[0x10]", "[NaN]"]
OPERATORS = {
    "STRING": ["eq", "neq", "empty", "notempty", "prefix", "suffix", "contains", "notcontains", "isoneof", "isnotoneof"],
    "NUMBER": ["eq", "neq", "lt", "lte", "gt", "gte", "present", "notpresent", "isoneof", "isnotoneof"],
    "BOOLEAN": ["true", "false", "present", "notpresent"],
    "DATETIME": ["eq", "neq", "lt", "lte", "gt", "gte", "present", "notpresent"],
    "ENTITY_ID": ["eq", "neq", "isoneof", "isnotoneof"],
}
NO_VALUE = {"empty", "notempty", "present", "notpresent", "true", "false"}
ENTITIES = ["", "e", "user", "user-1", "player-42", "日本", "bot", " ", "x" * 70, "a" * 9, "3.5"]


def is_clean_list(text, kind):
    """v1 refuses to import lists that are not, and of more than 100."""
    try:
        v = json.loads(text)
    except ValueError:
        return False
    return isinstance(v, list) and 0 < len(v) <= 100 and all(isinstance(x, kind) and x is not True for x in v)


def value_for(rng, kind, op, server):
    if op in NO_VALUE:
        return "" if server or rng.random() < 0.9 else rng.choice(TEXTS)
    if op in ("isoneof", "isnotoneof"):
        pool = LISTS
        if server == "v1":
            pool = [x for x in LISTS if is_clean_list(x, (int, float) if kind == "NUMBER" else str)]
        return rng.choice(pool)
    pool = {"STRING": TEXTS, "ENTITY_ID": ENTITIES, "NUMBER": NUMBERS, "DATETIME": TIMES}.get(kind, TEXTS)
    if rng.random() < 0.05 and not server:
        pool = rng.choice([TEXTS, NUMBERS, TIMES, LISTS, BOOLS])
    v = rng.choice(pool)
    if server == "v1" and kind == "DATETIME":  # v1 stores only what it can read
        v = rng.choice(["2025-01-01", "2025-01-01T00:00:00Z", "2024-02-29", "2025-06-15T12:30:45Z", "2025-01-01T02:00:00+02:00"])
    return v


def constraint(rng, server):
    kind = rng.choice(list(OPERATORS))
    op = rng.choice(OPERATORS[kind])
    if not server and rng.random() < 0.04:
        op = rng.choice(["", "EQ", "lt", "isoneof", "true", "present", "empty", "unknown"])
    v = value_for(rng, kind, op, server)
    if server == "v1" and v == "" and op not in NO_VALUE:
        v = "x"
    out = {"type": kind, "property": "entityId" if kind == "ENTITY_ID" else rng.choice(PROPERTIES), "operator": op, "value": v}
    if not server and rng.random() < 0.01:
        out["type"] = rng.choice(["UNKNOWN", "FUTURE"])
    return out


def model(rng, server=None):
    """Segments and flags, in the terms of the feature file."""
    segments = {}
    for i in range(rng.randint(3, 30)):
        segments["seg-%d" % i] = {"any": rng.random() < 0.5, "constraints": [constraint(rng, server) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))]}
    flags = []
    for i in range(rng.randint(5, 40)):
        f = {"key": "flag-%d" % i, "enabled": rng.random() < 0.85, "boolean": rng.random() < 0.5, "rules": [], "rollouts": [], "variants": []}
        keys = list(segments)
        if f["boolean"]:
            for _ in range(rng.choice([0, 1, 1, 2, 3])):
                if rng.random() < 0.4:
                    f["rollouts"].append({"percentage": rng.choice([0, 1, 10, 33.33, 50, 99.5, 100, 0.5]), "value": rng.random() < 0.5})
                else:
                    f["rollouts"].append({"segments": rng.sample(keys, rng.randint(1, min(4, len(keys)))), "all": rng.random() < 0.5, "value": rng.random() < 0.5})
        else:
            n = rng.randint(0, 7)
            f["variants"] = [{"key": "v%d" % j, "attachment": rng.choice([None, {"a": 1}, [1, 2, 3], {"s": "a\"b\\c"}, {"n": {"x": [True, None, "é"]}, "f": 1.5}]),
                              "default": False} for j in range(n)]
            if n and rng.random() < 0.4:
                rng.choice(f["variants"])["default"] = True
            for _ in range(rng.choice([0, 1, 1, 2, 3])):
                shares = rng.choice([[], [100], [50, 50], [30, 20], [33.33, 33.33, 33.34], [14.28] * 7, [14.9, 85.1], [26.3, 73.7], [0, 100],
                                     [0.05, 0.05, 99.9], [16.67] * 5, [rng.randint(0, 10000) / 100 for _ in range(3)], [0, 0]])
                f["rules"].append({"segments": rng.sample(keys, rng.randint(1, min(4, len(keys)))), "all": rng.random() < 0.5,
                                   "distributions": [(j, s) for j, s in enumerate(shares[:n])]})
        flags.append(f)
    return segments, flags


def features(rng, server):
    """A feature file (JSON, which is YAML) that the server takes."""
    segments, flags = model(rng, server)

    def reference(r):
        if len(r["segments"]) == 1:
            return {"keys": r["segments"], "operator": "OR_SEGMENT_OPERATOR"}
        return {"keys": r["segments"], "operator": "AND_SEGMENT_OPERATOR" if r["all"] else "OR_SEGMENT_OPERATOR"}

    def one(f):
        out = {"key": f["key"], "name": f["key"], "enabled": f["enabled"]}
        if f["boolean"]:
            out["type"] = "BOOLEAN_FLAG_TYPE"
            if f["rollouts"]:
                out["rollouts"] = [{"threshold": {"percentage": r["percentage"], "value": r["value"]}} if "percentage" in r
                                   else {"segment": reference(r) | {"value": r["value"]}} for r in f["rollouts"]]
            return out
        out["type"] = "VARIANT_FLAG_TYPE"
        if f["variants"]:
            out["variants"] = [{"key": v["key"], "name": v["key"]} | ({"attachment": v["attachment"]} if v["attachment"] is not None else {})
                               | ({"default": True} if v["default"] else {}) for v in f["variants"]]
        if f["rules"]:
            out["rules"] = [{"segment": reference(r)} | ({"distributions": [{"variant": "v%d" % j, "rollout": s} for j, s in r["distributions"]]}
                            if r["distributions"] else {}) for r in f["rules"]]
        return out

    def seg(key, s):
        out = {"key": key, "name": key, "match_type": "ANY_MATCH_TYPE" if s["any"] else "ALL_MATCH_TYPE"}
        if s["constraints"]:
            out["constraints"] = [{"type": c["type"] + "_COMPARISON_TYPE", "property": c["property"], "operator": c["operator"]}
                                  | ({"value": c["value"]} if c["operator"] not in NO_VALUE else {}) for c in s["constraints"]]
        return out

    return {"version": "1.4" if server == "v1" else "1.5", "namespace": {"key": "default", "name": "Default"},
            "flags": [one(f) for f in flags], "segments": [seg(k, s) for k, s in segments.items()]}


def snapshot(rng, version):
    """A snapshot document with defects no server of today makes, too."""
    segments, flags = model(rng)

    def seg(key):
        s = segments[key]
        out = {"key": key, "matchType": "ANY_SEGMENT_MATCH_TYPE" if s["any"] else rng.choice(["ALL_SEGMENT_MATCH_TYPE"] * 9 + ["X"]),
               "constraints": [c | {"type": c["type"] + "_CONSTRAINT_COMPARISON_TYPE"} for c in s["constraints"]]}
        if rng.random() < 0.03:  # one key, another definition
            out["constraints"] = out["constraints"][:1]
        if rng.random() < 0.03:  # the key comes late
            out = dict(reversed(out.items()))
        if rng.random() < 0.02:
            out.pop("matchType", None)
        return out

    def ranked(items, at):
        return [i | {"rank": r} for i, r in zip(items, at)]

    def ranks(n):
        out = list(range(1, n + 1))
        if n > 1 and rng.random() < 0.05:
            rng.shuffle(out)
        if n and rng.random() < 0.02:
            out[0] = -1
        return out

    result = []
    for f in flags:
        out = {"key": f["key"], "name": "", "enabled": f["enabled"], "type": "BOOLEAN_FLAG_TYPE" if f["boolean"] else "VARIANT_FLAG_TYPE",
               "rules": [], "rollouts": []}
        attachment = {v["key"]: "null" if v["attachment"] is None else json.dumps(v["attachment"], ensure_ascii=rng.random() < 0.5) for v in f["variants"]}
        for v in f["variants"]:
            if v["default"]:
                out["defaultVariant"] = {"id": "", "key": v["key"], "attachment": attachment[v["key"]]}
        rules, at = [], ranks(len(f["rules"]))
        for r, rank in zip(f["rules"], at):
            keys = list(r["segments"])
            if rng.random() < 0.03:
                keys.append(keys[0])
            if rng.random() < 0.03:
                keys = []
            d = [{"ruleId": "", "variantKey": "v%d" % j, "variantAttachment": attachment["v%d" % j], "rollout": s} for j, s in r["distributions"]]
            rule = {"id": "%032x" % rng.getrandbits(128), "rank": rank, "segmentOperator": ("AND" if r["all"] else "OR") + "_SEGMENT_OPERATOR",
                    "segments": [seg(k) for k in keys], "distributions": d}
            copies = len(keys) if version == "v1" and rng.random() < 0.9 and len(set(keys)) == len(keys) else 1
            rule["distributions"] = d * max(copies, 1)
            rules += [rule] * max(copies, 1)
        out["rules"] = rules
        rollouts = []
        for r in f["rollouts"]:
            if "percentage" in r:
                rollouts.append({"type": "THRESHOLD_ROLLOUT_TYPE", "threshold": {"percentage": r["percentage"], "value": r["value"]}})
            else:
                rollouts.append({"type": "SEGMENT_ROLLOUT_TYPE", "segment": {"value": r["value"], "segmentOperator": ("AND" if r["all"] else "OR") + "_SEGMENT_OPERATOR",
                                                                              "segments": [seg(k) for k in r["segments"]]}})
            if rng.random() < 0.02:
                rollouts.append({"type": "UNKNOWN_ROLLOUT_TYPE"})
        out["rollouts"] = ranked(rollouts, ranks(len(rollouts)))
        result.append(out)
    return {"namespace": {"key": "default"}, "flags": result, "digest": "%040x" % rng.getrandbits(160)}


def request(rng, flags):
    """A line; mostly of the flag's own type."""
    f = rng.choice(flags)
    boolean = f.get("type") == "BOOLEAN_FLAG_TYPE"
    context = {}
    for p in PROPERTIES:
        if rng.random() < 0.7:
            context[p] = rng.choice(rng.choice([TEXTS, NUMBERS, NUMBERS, BOOLS, TIMES, ["user-%d" % i for i in range(50)]]))
    entity = rng.choice(ENTITIES) if rng.random() < 0.3 else "e%d" % rng.getrandbits(24)
    r = {"namespaceKey": "default", "flagKey": f["key"], "entityId": entity, "context": context, "requestId": "r%d" % rng.getrandbits(20)}
    chance = rng.random()
    if chance < 0.01:
        r["flagKey"] = rng.choice(["missing", "", "flag-0x"])
    elif chance < 0.02:
        boolean = not boolean
    elif chance < 0.03:
        r["namespaceKey"] = rng.choice(["nowhere", ""])
    return {"type": "boolean" if boolean else "variant", "request": r}


def seeded(*parts):
    return random.Random(":".join(map(str, parts)))
