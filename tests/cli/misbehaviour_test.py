# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""flipt-cli and everything a peer can do wrong: the exit code, what it says, how long it takes, with repeats and without.

Usage: misbehaviour_test.py FLIPT_CLI SERVER [unittest arguments]. The peers are sockets of this script, so that they
share nothing with the library; SERVER (the embedded servers) only makes the certificates.
"""
import atexit
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

CLI, SERVER = sys.argv[1:3]
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="flipt-cli-misbehaviour-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
PLAIN_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FLIPT_")}
TOKEN = "header.a-very-secret-claim.signature-of-the-token"
warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1, which one peer speaks
GRACE = 0.5  # what a run may take beyond its --timeout
TIMEOUT = 0.4  # for the cases that run into it

with subprocess.Popen([SERVER, FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
    maker.stdout.readline()
    maker.stdin.close()

GOOD = json.dumps({"enabled": True, "reason": "MATCH_EVALUATION_REASON", "requestId": "r", "requestDurationMillis": 0.5,
                   "timestamp": "2026-01-02T03:04:05Z", "flagKey": "flag", "segmentKeys": []})


# ---- what peers do: functions of a connection, or bytes that are sent after the request -------------------------------

def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(65536)
    return data


def latin(text):
    return text.encode("latin-1")


def says(text):
    def act(connection):
        read_request(connection)
        connection.sendall(latin(text))
    act.shows = text
    return act


def with_json(body, head="HTTP/1.1 200 OK"):
    data = body if isinstance(body, bytes) else body.encode()
    return says(f"{head}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n" + data.decode("latin-1"))


def version_then(act):
    """Says which server it is, then does as `act`."""
    def both(connection):
        with_json('{"version":"v1.61.0"}')(connection)
        act(connection)
    both.shows = act.shows
    return both


def resets(after=""):
    def act(connection):
        read_request(connection)
        connection.sendall(latin(after))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    act.shows = after + "<RST>"
    return act


def resets_at_once(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes_at_once(connection):
    connection.shutdown(socket.SHUT_WR)


def waits_for_end(connection):
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


def is_silent(connection):
    read_request(connection)
    waits_for_end(connection)


def stalls(after):
    def act(connection):
        read_request(connection)
        connection.sendall(latin(after))
        waits_for_end(connection)
    act.shows = after + "<silence>"
    return act


def dribbles(text):
    def act(connection):
        read_request(connection)
        for byte in latin(text):
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
    act.shows = text + " <a byte every 20 ms>"
    return act


def never_ends(head, block):
    def act(connection):
        read_request(connection)
        connection.sendall(latin(head))
        data = latin(block) * (1 + 65536 // len(block))
        while True:
            connection.sendall(data)
    act.shows = head + block + "<and so on>"
    return act


def raw_at_once(text):
    def act(connection):
        connection.sendall(latin(text))
        waits_for_end(connection)
    act.shows = text + "<before anything was asked>"
    return act


class Peer:
    """Listens on a port of its own and does the same with every connection. With `identity`, over TLS."""

    def __init__(self, act, identity=None, clean_end=True, newest=None):
        self.act = act
        self.clean_end = clean_end
        self.connections = 0
        self.context = None
        if identity:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(FOLDER / f"{identity}.pem", FOLDER / f"{identity}-key.pem")
            if newest:
                self.context.set_ciphers("ALL:@SECLEVEL=0")
                self.context.minimum_version = ssl.TLSVersion.TLSv1
                self.context.maximum_version = newest
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.closing = False
        self.server = threading.Thread(target=self.serve, daemon=True)
        self.server.start()

    def serve(self):
        with self.listener:
            while True:
                connection, _ = self.listener.accept()
                if self.closing:
                    connection.close()
                    return
                self.connections += 1
                threading.Thread(target=self.play, args=(connection,), daemon=True).start()

    def play(self, connection):
        try:
            with connection:
                if self.context is None:
                    self.act(connection)
                    return
                with self.context.wrap_socket(connection, server_side=True) as secure:
                    self.act(secure)
                    if self.clean_end:
                        secure.unwrap()
        except OSError:
            pass  # the client has left

    def close(self):
        """The thread that accepts closes: closed under it, accept() may go on with the number of the next listener."""
        self.closing = True
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            pass  # a connection that was still to be accepted has woken it
        self.server.join()


# ---- the table: name, act, exit code, name of the error, what the line must say --------------------------------------

OK = "HTTP/1.1 200 OK\r\n"
JSON_OK = OK + "Content-Type: application/json\r\n"
CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n"

FRAMING = [
    ("another protocol", says("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "is --url that of Flipt's HTTP port?"),
    ("HTTP/2", says("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), "HTTP/1."),
    ("HTTP/2.0", says("HTTP/2.0 200 OK\r\n\r\n"), "HTTP/1."),
    ("a status of two digits", says("HTTP/1.1 20 OK\r\n\r\n"), "three digits"),
    ("a status of 999", says("HTTP/1.1 999 OK\r\n\r\n"), "between 100 and 599"),
    ("a status line that ends in LF", says("HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n{}"), "LF without CR"),
    ("a bare CR", says("HTTP/1.1 200 OK\rX\r\n\r\n"), "bare CR"),
    ("NUL in the status line", says("HTTP/1.1 200 \x00\r\n\r\n"), "control byte"),
    ("NUL in a value", says(OK + "X: a\x00b\r\n\r\n"), "control byte"),
    ("white space before the colon", says(OK + "X : a\r\n\r\n"), "white space before the colon"),
    ("a folded line", says(OK + "X: a\r\n b\r\n\r\n"), "folded"),
    ("no name", says(OK + ": a\r\n\r\n"), "empty field name"),
    ("no colon", says(OK + "X\r\n\r\n"), "field name"),
    ("101", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "101"),
    ("a 1xx with a body", says("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + JSON_OK), "1xx"),
    *[(f"Content-Length: {value}", says(OK + f"Content-Length: {value}\r\n\r\n{{}}"), "Content-Length")
      for value in ("-1", "+2", "0x2", "", "2 2", "2,2", "two", "2.0", "18446744073709551616")],
    ("two equal lengths", says(OK + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), "more than one Content-Length"),
    ("two lengths", says(OK + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "more than one Content-Length"),
    *[(f"Transfer-Encoding: {value}", says(OK + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n"), "Transfer-Encoding")
      for value in ("gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked", "")],
    ("two codings", says(OK + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "Transfer-Encoding"),
    ("chunks of HTTP/1.0", says("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "HTTP/1.0"),
    *[(f"a chunk size of {size!r}", says(CHUNKED + size + "\r\n{}\r\n0\r\n\r\n"), "chunk size")
      for size in ("zz", "-2", "+2", "0x2", "", " 2", "2 2", "11111111111111111")],
    ("a chunk that ends in LF", says(CHUNKED + "2\r\n{}\n0\r\n\r\n"), "chunk"),
    ("a chunk longer than its size", says(CHUNKED + "1\r\n{}\r\n0\r\n\r\n"), "chunk"),
    ("a chunk size that ends in LF", says(CHUNKED + "2\n{}\r\n0\r\n\r\n"), "chunk"),
    ("gzip", says(OK + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), "Content-Encoding"),
]
TRUNCATED = [
    ("nothing", says(""), ""),
    ("in the status line", says("HTTP/1.1 20"), ""),
    ("in the head", says(OK + "Content-Le"), ""),
    ("before the body", says(OK + "Content-Length: 5\r\n\r\n"), ""),
    ("in the body", says(OK + "Content-Length: 100\r\n\r\n" + GOOD[:20]), ""),
    ("in a chunk size", says(CHUNKED + "1"), ""),
    ("in a chunk", says(CHUNKED + "5\r\n{\"e"), ""),
    ("before the last chunk", says(CHUNKED + f"{len(GOOD):x}\r\n{GOOD}\r\n"), ""),
    ("in the trailers", says(CHUNKED + "0\r\nX: y"), ""),
    ("after a 1xx", says("HTTP/1.1 100 Continue\r\n\r\n"), ""),
]
LIMITS = [
    ("announced", says(OK + "Content-Length: 16777217\r\n\r\n"), "Content-Length"),
    ("a head without end", never_ends(OK, "X: y\r\n"), "header fields"),
    ("a field without end", never_ends(OK + "X: ", "y"), "head"),
    ("a status line without end", never_ends("HTTP/1.1 200 ", "y"), "head"),
    ("1xx without end", never_ends("", "HTTP/1.1 102 Processing\r\n\r\n"), "1xx"),
    ("chunks without end", never_ends(CHUNKED, "400\r\n" + " " * 1024 + "\r\n"), "body"),
    ("a chunk extension without end", never_ends(CHUNKED + "5;", "x"), "chunk"),
    ("trailers without end", never_ends(CHUNKED + "0\r\n", "X: y\r\n"), "trailer"),
    ("a body without a length or an end", never_ends(OK + "\r\n", " " * 100), "body"),
    ("JSON too deep", with_json('{"x":' * 65 + "1" + "}" * 65), "nest"),
    ("JSON far too deep", with_json('{"x":' + "[" * 200_000 + "]" * 200_000 + "}"), "nest"),
]
BROKEN_JSON = [
    (body if len(body) < 40 else body[:37] + "…", with_json(body), "")
    for body in ("", " ", "null", "true", "1", '"x"', "[]", "[{}]", "{", "}", "{}{}", "{} x", "\ufeff{}", "{'enabled':true}",
                 '{"enabled":true,}', '{"enabled":1}', '{"enabled":"true"}', '{"enabled":true,"enabled":true}',
                 '{"enabled":True}', '{"reason":1}', '{"reason":{}}', '{"requestDurationMillis":"1"}',
                 '{"requestDurationMillis":NaN}', '{"requestDurationMillis":1e999}', '{"timestamp":"yesterday"}',
                 '{"timestamp":"2026-02-30T00:00:00Z"}', '{"timestamp":5}', '{"flagKey":"\\ud800"}', '{"flagKey":"\\x"}',
                 '{"flagKey":"a\nb"}', '{"flagKey":"', '{"segmentKeys":"a"}', '{"segmentKeys":[1]}', '{"segmentKeys":{}}',
                 '{"more":[1,2', '{"more":01}', '{"more":"\\ud800"}', '{"more":tru}', '{"more":1}/**/')
] + [
    ("a byte that is no UTF-8", with_json(b'{"flagKey":"\xff"}'), ""),
    ("such a byte in an unknown field", with_json(b'{"more":"\xc3("}'), ""),
    ("HTML", with_json("<html><body>502 Bad Gateway</body></html>"), ""),
    ("both framings, and so no body", says(OK + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"), ""),
    ("204", says("HTTP/1.1 204 No Content\r\n\r\n"), "success status"),
    ("206", with_json(GOOD, "HTTP/1.1 206 Partial Content"), "success status"),
]
STATUSES = [
    (f"{status} {name}", with_json('{"code":1,"message":"so it is","details":[]}', f"HTTP/1.1 {status} X"), code, name,
     f"HTTP {status}: so it is")
    for status, code, name in ((400, 7, "invalid_argument"), (401, 3, "unauthenticated"), (403, 3, "permission_denied"),
                               (404, 4, "not_found"), (409, 7, "conflict"), (429, 7, "rate_limited"),
                               (500, 7, "server_error"), (501, 7, "server_error"), (502, 7, "server_error"),
                               (503, 7, "server_error"), (504, 7, "server_error"), (418, 7, "invalid_argument"),
                               (302, 7, "unexpected_status"))
] + [
    (f"{status} as a page", says(f"HTTP/1.1 {status} X\r\nContent-Length: 6\r\n\r\n<html>"), code, name, f"HTTP {status}: ")
    for status, code, name in ((401, 3, "unauthenticated"), (403, 3, "permission_denied"), (404, 4, "not_found"),
                               (429, 7, "rate_limited"), (502, 7, "server_error"), (307, 7, "unexpected_status"))
] + [
    ("503 that says when", says("HTTP/1.1 503 X\r\nRetry-After: 3600\r\nContent-Length: 2\r\n\r\n{}"), 7, "server_error", "HTTP 503"),
    ("401 that repeats the token", with_json(json.dumps({"code": 16, "message": "not " + TOKEN}), "HTTP/1.1 401 X"), 3,
     "unauthenticated", "HTTP 401: not [token]"),
]
NETWORK = [
    ("a reset before the reply", resets(), 5, "connection_reset", ""),
    ("a reset in the head", resets("HTTP/1.1 20"), 5, "connection_reset", ""),
    ("a reset in the body", resets(OK + "Content-Length: 100\r\n\r\n{"), 5, "connection_reset", ""),
]
TIME = [
    ("no reply", is_silent),
    ("silence in the status line", stalls("HTTP/1.1 20")),
    ("silence in the head", stalls(OK + "Content-Le")),
    ("silence in the body", stalls(OK + "Content-Length: 100\r\n\r\n{")),
    ("silence in a chunk", stalls(CHUNKED + "5\r\n{")),
    ("silence after a 1xx", stalls("HTTP/1.1 100 Continue\r\n\r\n")),
    ("a dribble", dribbles(OK + "Content-Length: 400\r\n\r\n" + " " * 400)),
    ("1xx now and then", dribbles("HTTP/1.1 102 X\r\n\r\n" * 15)),
]


class Misbehaviour(unittest.TestCase):
    def run_cli(self, url, *options, command=("boolean", "flag", "ada")):
        command = [CLI, "--url", url, "--jwt", TOKEN, *options, *command]
        begin = time.monotonic()
        done = subprocess.run(command, env=PLAIN_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - begin

    def check(self, url, code, name, text, *options, shows="", timeout=10.0, connections=None, peer=None,
              command=("boolean", "flag", "ada")):
        """Both with repeats and without: the code, one line that begins with the name, the text, no token, the time."""
        for retries in (0, 2):
            for attempt in range(3):  # a busy machine may be late once
                before = peer.connections if peer else 0
                got, out, err, seconds = self.run_cli(url, "--timeout", f"{timeout}s", "--retries", str(retries), *options,
                                                       command=command)
                if seconds < timeout + GRACE:
                    break
            told = (f"\npeer:    {shows[:2000]!r}\nretries: {retries}\nexit:    {got} after {seconds:.2f} s of {timeout}"
                    f"\nstdout:  {out!r}\nstderr:  {err!r}")
            if os.environ.get("SHOW_MISBEHAVIOUR"):
                print(f"{shows[:60]!r:64} {got} {err}", end="")
            self.assertEqual(got, code, told)
            self.assertRegex(err, rf"\Aflipt-cli: {name}: [^\n]+\n\Z", told)
            self.assertIn(text, err, told)
            self.assertEqual(out, "", told)
            for secret in (TOKEN, *TOKEN.split(".")[1:]):
                self.assertNotIn(secret, err, told)
            self.assertLess(seconds, timeout + GRACE, told)
            if connections:
                self.assertEqual(peer.connections - before, connections[0 if retries == 0 else 1], told)

    def check_all(self, table, code=None, name=None, connections=None, timeout=10.0):
        for what, act, *rest in table:
            text = rest[-1] if rest else ""
            with self.subTest(what):
                peer = Peer(act)
                try:
                    self.check(f"http://127.0.0.1:{peer.port}", rest[0] if code is None else code, name or rest[1], text,
                               shows=getattr(act, "shows", act.__name__), connections=connections, peer=peer, timeout=timeout)
                finally:
                    peer.close()

    def test_framing(self):
        self.check_all(FRAMING, 6, "protocol_error", connections=(1, 1))

    def test_truncation(self):
        self.check_all(TRUNCATED, 6, "truncated", connections=(1, 3))

    def test_limits(self):
        self.check_all(LIMITS, 6, "response_too_large", connections=(1, 1))

    def test_json(self):
        self.check_all(BROKEN_JSON, 6, "invalid_response", connections=(1, 1))

    def test_documents(self):
        for command in (["snapshot"], ["flag", "x"], ["flags"], ["health"], ["info"], ["self"]):
            for body in ("<html>502 Bad Gateway</html>", "", "[]", '{"flags":[', "{}{}"):
                with self.subTest(command=command, body=body):
                    asks = command[0] in ("snapshot", "flag")
                    peer = Peer(version_then(with_json(body)) if asks else with_json(body))
                    self.check(f"http://127.0.0.1:{peer.port}", 6, "invalid_response", "", shows=body, command=command,
                               connections=(1, 1), peer=peer)
                    peer.close()

    def test_statuses(self):
        self.check_all(STATUSES)

    def test_network(self):
        self.check_all(NETWORK, connections=(1, 3))

    def test_time(self):
        self.check_all([(*one, "--timeout") for one in TIME], 5, "timed_out", timeout=TIMEOUT)

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.check(f"http://127.0.0.1:{port}", 5, "connection_refused", "--url", shows="<nobody listens>")
        self.check("http://no-such-host.invalid", 5, "host_not_found(_try_again)?", "--url", shows="<no such name>")
        for act in (closes_at_once, resets_at_once):
            peer = Peer(act)
            self.check(f"http://127.0.0.1:{peer.port}", *((6, "truncated") if act is closes_at_once else
                                                          (5, "(connection_reset|broken_pipe)")), "", shows=act.__name__)
            peer.close()

    def test_an_address_that_does_not_answer(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            queue = []
            for _ in range(16):  # until the queue is full, and a SYN gets no answer
                one = socket.socket()
                queue.append(one)
                one.settimeout(0.1)
                try:
                    one.connect(("127.0.0.1", port))
                except TimeoutError:
                    break
            else:
                self.skipTest("this system answers for a full queue")
            url = f"http://127.0.0.1:{port}"
            self.check(url, 5, "timed_out", "", shows="<no answer to SYN>", timeout=TIMEOUT)
            self.check(url, 5, "timed_out", "", "--connect-timeout", "200ms", shows="<no answer to SYN>", timeout=1)
            for one in queue:
                one.close()

    def test_tls(self):
        ca = ["--ca", str(FOLDER / "ca.pem")]
        other = ["--ca", str(FOLDER / "other-ca.pem")]
        good = with_json(GOOD)
        table = [
            ("an unknown authority", Peer(good, "localhost"), [], 5, "tls", "--ca"),
            ("another authority", Peer(good, "localhost"), other, 5, "tls", "--ca"),
            ("an expired certificate", Peer(good, "expired"), ca, 5, "tls", "certificate has expired"),
            ("a certificate for another name", Peer(good, "elsewhere"), ca, 5, "tls", "mismatch (--server-name"),
            ("the name of the address is not that of --server-name", Peer(good, "localhost"),
             [*ca, "--server-name", "elsewhere.test"], 5, "tls", "mismatch"),
            ("TLS 1.1", Peer(good, "localhost", newest=ssl.TLSVersion.TLSv1_1), ca, 5, "(tls|connection_reset)", ""),
            ("plain HTTP", Peer(raw_at_once("HTTP/1.1 400 Bad Request\r\n\r\n")), ca, 5, "tls", "plain HTTP?"),
            ("an alert", Peer(raw_at_once("\x15\x03\x03\x00\x02\x02\x28")), ca, 5, "tls", "handshake failure"),
            ("garbage", Peer(raw_at_once("\x16\x03\x03\x00\x04\x99\x99\x99\x99")), ca, 5, "tls", ""),
            ("an end before the handshake", Peer(closes_at_once), ca, 5, "(connection_reset|broken_pipe|tls)", ""),
            ("a reset before the handshake", Peer(resets_at_once), ca, 5, "(connection_reset|broken_pipe)", ""),
            ("an end without close_notify where the length is not known",
             Peer(says(OK + "\r\n" + GOOD), "localhost", clean_end=False), ca, 6, "truncated", ""),
            ("an end without close_notify in the body",
             Peer(says(OK + "Content-Length: 500\r\n\r\n" + GOOD), "localhost", clean_end=False), ca, 6, "truncated", ""),
            ("an end with close_notify in the body", Peer(says(OK + "Content-Length: 500\r\n\r\n" + GOOD), "localhost"), ca, 6,
             "truncated", ""),
            ("broken HTTP inside", Peer(says("garbage\r\n\r\n"), "localhost"), ca, 6, "protocol_error", "HTTP/1."),
            ("401 inside", Peer(with_json('{"code":16,"message":"no"}', "HTTP/1.1 401 X"), "localhost"), ca, 3,
             "unauthenticated", "HTTP 401: no"),
        ]
        for what, peer, options, code, name, text in table:
            with self.subTest(what):
                self.check(f"https://127.0.0.1:{peer.port}", code, name, text, *options,
                           shows=getattr(peer.act, "shows", peer.act.__name__))
                peer.close()
        for what, act in (("silence in the handshake", waits_for_end), ("half a record", raw_at_once("\x16\x03\x03\x00"))):
            with self.subTest(what):
                peer = Peer(act)
                self.check(f"https://127.0.0.1:{peer.port}", 5, "timed_out", "", *ca, shows=what, timeout=TIMEOUT)
                peer.close()

    def test_what_is_odd_and_no_error(self):
        ca = ["--ca", str(FOLDER / "ca.pem")]
        size = f"{len(GOOD):x}"
        table = [
            ("no reason", says(f"HTTP/1.1 200\r\nContent-Length: {len(GOOD)}\r\n\r\n{GOOD}"), None, True),
            ("obs-text", says(f"HTTP/1.1 200 \xe9\r\nX: \xff\r\ncontent-LENGTH:\t00{len(GOOD)} \r\n\r\n{GOOD}"), None, True),
            ("HTTP/1.0", says(f"HTTP/1.0 200 OK\r\n\r\n{GOOD}"), None, True),
            ("1xx", says(f"HTTP/1.1 100 X\r\n\r\nHTTP/1.1 103 X\r\nLink: x\r\n\r\n{OK}Content-Length: {len(GOOD)}\r\n\r\n{GOOD}"), None, True),
            ("chunks with all there is", says(f"{OK}Transfer-Encoding: CHUNKED\r\n\r\n00{size.upper()} ; a=\"b\"\r\n{GOOD}\r\n0;x\r\nT: v\r\n\r\n"), None, True),
            ("bytes behind the reply", says(f"{OK}Content-Length: {len(GOOD)}\r\n\r\n{GOOD}\r\n{OK}\r\n"), None, True),
            ("an end with close_notify where the length is not known", says(OK + "\r\n" + GOOD), "localhost", True),
            ("an end without close_notify where the length is known", with_json(GOOD), "localhost", False),
            ("unknown fields", with_json(GOOD[:-1] + ',"new":{"a":[1,null,"x"]}}'), None, True),
            ("nothing but defaults", with_json("{}"), None, True),
        ]
        for what, act, identity, clean in table:
            with self.subTest(what):
                peer = Peer(act, identity, clean)
                scheme = "https" if identity else "http"
                got, out, err, _ = self.run_cli(f"{scheme}://127.0.0.1:{peer.port}", "--retries", "0", *(ca if identity else []))
                told = f"\npeer: {act.shows!r}\nexit: {got}\nstdout: {out!r}\nstderr: {err!r}"
                self.assertEqual((got, err), (0, ""), told)
                self.assertEqual(json.loads(out)["enabled"], what != "nothing but defaults", told)
                peer.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
