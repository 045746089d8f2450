# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Flipt's evaluation, written slowly and plainly from the rules of its servers: what the C++ engine is checked against.
"""flipt_reference.py SNAPSHOT v1|v2 < requests.jsonl > answers.jsonl"""

import json
import re
import struct
import sys
import uuid
import zlib

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
DEC = re.compile(r"[+-]?(?:([0-9](?:_?[0-9])*)?)(?:\.([0-9](?:_?[0-9])*)?)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?", re.A)
HEX = re.compile(
    r"([+-]?)0[xX](?:((?:_?[0-9a-fA-F])+)?)(?:\.([0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?[pP]([+-]?[0-9](?:_?[0-9])*)", re.A)


class Refused(Exception):
    """The server answers with an error."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def f32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def trim(s):
    return s.strip(SPACES)


def parse_float(s):
    """strconv.ParseFloat(s, 64), or None for its errors."""
    low = s.lower() if s.isascii() else ""
    if low == "nan":
        return float("nan")
    if low.lstrip("+-") in ("inf", "infinity") and len(low) - len(low.lstrip("+-")) <= 1:
        return float("-inf") if low[0] == "-" else float("inf")
    m = HEX.fullmatch(s)
    if m:
        if m.group(2) is None and m.group(3) is None:
            return None
        try:
            return float.fromhex(s.replace("_", ""))
        except OverflowError:
            return None
    m = DEC.fullmatch(s)
    if not m or (m.group(1) is None and m.group(2) is None):
        return None
    v = float(s.replace("_", ""))
    return None if v in (float("inf"), float("-inf")) else v


def parse_bool(s):
    if s in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if s in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    return None


DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.A)
TIME = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))", re.A)


def day_number(y, m, d):
    leap = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    lengths = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if not 1 <= m <= 12 or not 1 <= d <= lengths[m - 1]:
        return None
    # Days before year y since year 0 (a leap year), then within it.
    before = 365 * y + (y + 3) // 4 - (y + 99) // 100 + (y + 399) // 400
    return before + sum(lengths[: m - 1]) + d


def parse_time(s):
    """Nanoseconds since year 0, or None."""
    m = DATE.fullmatch(s)
    if m:
        n = day_number(*map(int, m.groups()))
        return None if n is None else n * 86400 * 10**9
    m = TIME.fullmatch(s)
    if not m:
        return None
    n = day_number(int(m[1]), int(m[2]), int(m[3]))
    hh, mm, ss = int(m[4]), int(m[5]), int(m[6])
    if n is None or hh > 23 or mm > 59 or ss > 59:
        return None
    seconds = n * 86400 + hh * 3600 + mm * 60 + ss
    if m[8]:
        oh, om = int(m[9]), int(m[10])
        if oh > 24 or om > 60:
            return None
        seconds -= (oh * 3600 + om * 60) * (1 if m[8] == "+" else -1)
    return seconds * 10**9 + int(((m[7] or "") + "0" * 9)[:9])


def no_constant(_):
    raise ValueError


def parse_list(text, kind):
    """json.Unmarshal into []string or []float64, or None for an error."""
    try:
        v = json.loads(text, parse_constant=no_constant, parse_int=str if kind is float else int,
                       parse_float=str if kind is float else float)
    except (ValueError, RecursionError):
        return None
    if v is None:
        return []
    if not isinstance(v, list):
        return None
    out = []
    raw = text if kind is float else None
    for item in v:
        if item is None:
            out.append(0.0 if kind is float else "")
        elif kind is str:
            if not isinstance(item, str):
                return None
            out.append(re.sub("[\ud800-\udfff]", "\ufffd", item))
        else:
            # Numbers came through as their text; a JSON string would too, so look for quotes.
            if not isinstance(item, str) or '"' in raw:
                return None
            n = parse_float(item)
            if n is None:
                return None
            out.append(n)
    return out


def match_text(op, value, v):
    if op == "empty":
        return trim(v) == ""
    if op == "notempty":
        return trim(v) != ""
    if v == "":
        return False
    if op == "eq":
        return v == value
    if op == "neq":
        return v != value
    if op == "prefix":
        return trim(v).startswith(value)
    if op == "suffix":
        return trim(v).endswith(value)
    if op == "contains":
        return value in v
    if op == "notcontains":
        return value not in v
    if op in ("isoneof", "isnotoneof"):
        values = parse_list(value, str)
        if values is None:
            return False
        return (v in values) == (op == "isoneof")
    return False


def present(op, v):
    if op == "present":
        return trim(v) != ""
    if op == "notpresent":
        return trim(v) == ""
    return None


def compare(op, a, b):
    return {"eq": a == b, "neq": a != b, "lt": a < b, "lte": a <= b, "gt": a > b, "gte": a >= b}.get(op, False)


def match_number(op, value, v):
    p = present(op, v)
    if p is not None:
        return p
    n = parse_float(v) if v else None
    if n is None:
        return False
    if op in ("isoneof", "isnotoneof"):
        values = parse_list(value, float)
        return values is not None and any(n == x for x in values) == (op == "isoneof")
    c = parse_float(value)
    return c is not None and compare(op, n, c)


def match_bool(op, v):
    p = present(op, v)
    if p is not None:
        return p
    b = parse_bool(v)
    return b is not None and op in ("true", "false") and b == (op == "true")


def match_time(op, value, v):
    p = present(op, v)
    if p is not None:
        return p
    t, c = parse_time(v), parse_time(value)
    return t is not None and c is not None and compare(op, t, c)


def kind_of(c):
    return (c.get("type") or "").removesuffix("_CONSTRAINT_COMPARISON_TYPE")


def match_one(c, entity, context):
    kind, op, value = kind_of(c), c.get("operator") or "", c.get("value") or ""
    v = context.get(c.get("property") or "", "")
    if kind == "STRING":
        return match_text(op, value, v)
    if kind == "ENTITY_ID":
        return match_text(op, value, entity)
    if kind == "NUMBER":
        return match_number(op, value, v)
    if kind == "BOOLEAN":
        return match_bool(op, v)
    if kind == "DATETIME":
        return match_time(op, value, v)
    raise Refused(400, 3, "unknown constraint type")


def is_malformed(c):
    """v2 prepares the values of these at load."""
    kind, op, value = kind_of(c), c.get("operator") or "", c.get("value") or ""
    if op in ("isoneof", "isnotoneof"):
        if kind in ("STRING", "ENTITY_ID"):
            return parse_list(value, str) is None
        return kind == "NUMBER" and parse_list(value, float) is None
    if op in ("eq", "neq", "lt", "lte", "gt", "gte") and value != "":
        return (kind == "NUMBER" and parse_float(value) is None) or (kind == "DATETIME" and parse_time(value) is None)
    return False


class Evaluator:
    def __init__(self, document, version):
        self.v1 = version == "v1"
        self.namespace = (document.get("namespace") or {}).get("key") or "default"
        self.flags = {f["key"]: f for f in document.get("flags") or []}

    def segment(self, s, entity, context):
        constraints = s.get("constraints") or []
        any_of = s.get("matchType") == "ANY_SEGMENT_MATCH_TYPE"
        hits = 0
        for c in constraints:
            hit = match_one(c, entity, context)
            hits += hit
            if not self.v1 and hit == any_of:
                break
        if any_of:
            return not constraints or hits > 0
        return hits == len(constraints)

    def segments(self, owner, entity, context):
        by_key = {}
        for s in owner.get("segments") or []:
            if self.v1 or not any(is_malformed(c) for c in s.get("constraints") or []):
                by_key[s.get("key") or ""] = s
        matched = [k for k, s in by_key.items() if self.segment(s, entity, context)]
        if owner.get("segmentOperator") == "AND_SEGMENT_OPERATOR":
            return len(matched) == len(by_key), matched
        return len(matched) > 0, matched

    def boolean(self, flag, key, entity, context):
        rank = 0
        for r in flag.get("rollouts") or []:
            this = r.get("rank") or 0
            if this < rank:
                raise Refused(500, 13, f"rollout rank: {this} detected out of order")
            rank = this
            if r.get("threshold") is not None:
                t = r["threshold"]
                at = zlib.crc32((entity + key).encode()) % 100
                if at < f32(float(t.get("percentage") or 0)):
                    return dict(enabled=t.get("value") or False, reason="MATCH", segmentKeys=[])
            elif r.get("segment") is not None:
                ok, keys = self.segments(r["segment"], entity, context)
                if ok:
                    return dict(enabled=r["segment"].get("value") or False, reason="MATCH", segmentKeys=keys)
        return dict(enabled=flag.get("enabled") or False, reason="DEFAULT", segmentKeys=[])

    def rules(self, flag):
        """v1 repeats a rule of N segments N times, with N copies of its distributions in each."""
        rules = flag.get("rules") or []
        if not self.v1:
            return [(r, r.get("distributions") or []) for r in rules]
        out, seen = [], set()
        for i, r in enumerate(rules):
            ident = r.get("id") or ""
            if ident and ident in seen:
                continue
            seen.add(ident)
            copies = sum(1 for x in rules if ident and x.get("id") == ident) or 1
            d = r.get("distributions") or []
            if copies > 1 and copies == len(r.get("segments") or []) and len(d) % copies == 0:
                d = d[: len(d) // copies]
            out.append((r, d))
        return out

    def buckets(self, shares):
        if self.v1:
            out, total = [], 0
            for s in shares:
                total += int(f32(s * 10))
                out.append(total)
            return out
        total = 0.0
        for s in shares:
            total = f32(total + s)
        out, cumulative = [], 0.0
        for s in shares:
            cumulative = f32(cumulative + f32(f32(s / total) * 100))
            out.append(int(f32(cumulative * 10)))
        out[-1] = 1000
        return out

    def variant(self, flag, key, entity, context):
        out = dict(match=False, reason="UNKNOWN", variantKey="", variantAttachment="", segmentKeys=[])
        default = flag.get("defaultVariant")
        if default is not None:
            out.update(reason="DEFAULT", variantKey=default.get("key") or "",
                       variantAttachment=default.get("attachment") or "")
        if not flag.get("enabled"):
            out["reason"] = "FLAG_DISABLED"
            return out
        rank = 0
        for rule, distributions in self.rules(flag):
            this = rule.get("rank") or 0
            if this < rank:
                raise Refused(400, 3, f"rule rank: {this} detected out of order")
            rank = this
            ok, keys = self.segments(rule, entity, context)
            if not ok:
                continue
            out["segmentKeys"] = keys
            valid = [d for d in distributions if f32(float(d.get("rollout") or 0)) > 0]
            if not valid:
                out.update(match=True, reason="MATCH")
                return out
            bucket = zlib.crc32((key + entity).encode()) % 1000
            for limit, d in zip(self.buckets([f32(float(d["rollout"])) for d in valid]), valid):
                if limit >= bucket + 1:
                    out.update(match=True, reason="MATCH", variantKey=d.get("variantKey") or "",
                               variantAttachment=d.get("variantAttachment") or "")
                    break
            return out
        return out

    def evaluate(self, kind, request):
        key, entity = request.get("flagKey") or "", request.get("entityId") or ""
        namespace = request.get("namespaceKey") or "default"
        context = {k: v or "" for k, v in (request.get("context") or {}).items()}
        if namespace != self.namespace and not self.v1:
            raise Refused(404, 5, f'namespace "{namespace}" not found')
        if namespace != self.namespace or key not in self.flags:
            raise Refused(404, 5, 'flag "%s" not found' % "/".join(x for x in (namespace, key) if x))
        flag = self.flags[key]
        actual = "BOOLEAN_FLAG_TYPE" if flag.get("type") == "BOOLEAN_FLAG_TYPE" else "VARIANT_FLAG_TYPE"
        if actual != kind.upper() + "_FLAG_TYPE":
            raise Refused(400, 3, f"flag type {actual} invalid")
        out = (self.boolean if kind == "boolean" else self.variant)(flag, key, entity, context)
        out["reason"] += "_EVALUATION_REASON"
        out.update(flagKey=key, requestId=request.get("requestId") or str(uuid.uuid4()))
        return out

    def answer(self, line):
        try:
            status, response = 200, self.evaluate(line["type"], line["request"])
        except Refused as e:
            status, response = e.status, dict(code=e.code, message=e.message, details=[])
        return {"type": line["type"], "status": status, "response": response}


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        evaluator = Evaluator(json.load(f), sys.argv[2])
    for line in sys.stdin:
        print(json.dumps(evaluator.answer(json.loads(line))))


if __name__ == "__main__":
    main()
