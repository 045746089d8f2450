# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""flipt-cli from outside: what it prints, and how it ends. Usage: cli_test.py FLIPT_CLI SERVER [unittest arguments]."""
import atexit
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

CLI, SERVER = sys.argv[1:3]
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="flipt-cli-test-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
PLAIN_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FLIPT_")}
GRACE = 5.0  # what a run may take beyond its own deadline on a busy machine


class Servers:
    """The helper program with all embedded servers."""

    def __init__(self):
        self.process = subprocess.Popen([SERVER, FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = json.loads(self.process.stdout.readline())
        self.url = self.facts["urls"]
        self.jwt = self.facts["jwt"]
        self.secrets = [self.jwt, self.facts["expired_jwt"], self.facts["client_token"]]

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def fault(self, kind, times=0, prefix="/", server="v2"):
        self.tell(f"{server} fault {times} {prefix} {kind}")


servers = Servers()


class Result:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s\nstdout: {self.out!r}\nstderr: {self.err!r}"


class CliTest(unittest.TestCase):
    def tearDown(self):
        servers.tell("v1 clear")
        servers.tell("v2 clear")

    def run_cli(self, *arguments, server="v2", jwt=True, env=None, stdin="", stdout=subprocess.PIPE):
        command = [CLI]
        if server:
            command += ["--url", servers.url[server]]
        if jwt:
            command += ["--jwt", servers.jwt]
        begin = time.monotonic()
        done = subprocess.run(command + list(arguments), env={**PLAIN_ENVIRONMENT, **(env or {})}, text=True,
                              input=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=60)
        result = Result(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)
        for secret in servers.secrets:
            self.assertNotIn(secret, (result.out or "") + result.err, "a token was printed")
        if result.code == 0:
            self.assertEqual(result.err, "", result)
        else:
            self.assertRegex(result.err, r"\Aflipt-cli: [a-z_.0-9]+: [^\n]+\n\Z", result)
        return result

    def good(self, *arguments, **options):
        result = self.run_cli(*arguments, **options)
        self.assertEqual(result.code, 0, result)
        return result

    def answer(self, *arguments, **options):
        result = self.good(*arguments, **options)
        self.assertEqual(result.out.count("\n"), 1, result)
        return json.loads(result.out)

    def bad(self, code, name, *arguments, text="", **options):
        result = self.run_cli(*arguments, **options)
        self.assertEqual(result.code, code, result)
        self.assertRegex(result.err, f"^flipt-cli: {name}: ", result)
        self.assertIn(text, result.err, result)
        return result


class Commands(CliTest):
    def test_boolean(self):
        for server in ("v1", "v2"):
            got = self.answer("boolean", "dark-mode", "ada", "-c", "region=eu", server=server)
            self.assertEqual(list(got), ["enabled", "reason", "requestId", "requestDurationMillis", "timestamp", "flagKey",
                                         "segmentKeys"])
            self.assertEqual((got["enabled"], got["reason"], got["flagKey"], got["segmentKeys"]),
                             (True, "MATCH_EVALUATION_REASON", "dark-mode", ["staff"]))

    def test_defaults_are_printed(self):
        got = self.answer("boolean", "dark-mode", "bob")
        self.assertEqual((got["enabled"], got["segmentKeys"], got["reason"]), (False, [], "DEFAULT_EVALUATION_REASON"))

    def test_variant(self):
        got = self.answer("variant", "checkout", "bob")
        self.assertEqual((got["match"], got["variantKey"], got["variantAttachment"]), (True, "one-page", '{"steps":1}'))

    def test_context_splits_at_the_first_equals_sign(self):
        self.good("boolean", "dark-mode", "ada", "-c", "a=b=c", "-cempty=", "--context", "odd=[1,2] {} -x", "-c", "k==")

    def test_keys_that_look_like_commands_and_options(self):
        self.bad(4, "not_found", "boolean", "flags", "batch", text="flags")
        self.bad(4, "not_found", "boolean", "--", "--odd", "-c", text="--odd")

    def test_options_before_and_behind_the_command(self):
        got = self.answer("boolean", "lobby", "x", "--namespace", "game")
        self.assertTrue(got["enabled"])
        self.assertEqual(self.answer("--namespace=game", "boolean", "lobby", "x")["flagKey"], "lobby")

    def test_environment(self):
        got = self.answer("--environment", "staging", "boolean", "only-in-staging", "x")
        self.assertTrue(got["enabled"])
        self.bad(4, "not_found", "--environment", "nope", "boolean", "dark-mode", "x", text="nope")

    def test_flags(self):
        for server in ("v1", "v2"):
            got = self.answer("flags", server=server)
            self.assertEqual(list(got), ["flags", "nextPageToken", "totalCount"])
            self.assertEqual({flag["key"] for flag in got["flags"]}, {"dark-mode", "checkout"})
            self.assertEqual(got["totalCount"], 2)

    def test_flag(self):
        for server in ("v1", "v2"):
            self.assertEqual(self.answer("flag", "checkout", server=server)["key"], "checkout")
            self.bad(4, "not_found", "flag", "nope", server=server)

    def test_texts(self):
        for server in ("v1", "v2"):
            self.assertEqual(self.answer("health", server=server), {"status": "SERVING"})
            self.assertIn("authentication", self.answer("info", server=server))
            self.assertEqual(self.answer("self", server=server)["method"], "METHOD_JWT")

    def test_a_text_of_several_lines_becomes_one(self):
        servers.fault(r'status 200 {\n  "status" :\r\n "SERVING"\n}\n\n', 1)
        self.assertEqual(self.answer("health"), {"status": "SERVING"})

    def test_snapshot_byte_for_byte(self):
        document = '{"namespace": {"key":"default"},\n\n "flags":[ ] }  \n'
        answers = []
        for _ in range(2):
            servers.fault("status 200 " + document.replace("\n", r"\n"), 1, "/client/v2/")
            answers.append(document)
        self.assertEqual(self.good("snapshot").out, document)
        target = FOLDER / "snapshot.json"
        target.write_text("old")
        self.assertEqual(self.good("snapshot", "-o", str(target)).out, "")
        self.assertEqual(target.read_text(), document)
        self.assertEqual([p.name for p in FOLDER.glob("snapshot.json*")], ["snapshot.json"], "something was left beside it")

    def test_a_snapshot_goes_through_a_link(self):
        target, link = FOLDER / "linked.json", FOLDER / "link"
        target.write_text("something longer than what is to come" * 100)
        link.symlink_to(target)
        expected = self.good("snapshot").out
        self.good("snapshot", "-o", str(link))
        self.assertTrue(link.is_symlink())
        self.assertEqual(target.read_text(), expected)

    def test_a_failed_snapshot_leaves_the_file(self):
        target = FOLDER / "kept.json"
        target.write_text("kept")
        self.bad(4, "not_found", "--namespace", "nope", "snapshot", "-o", str(target))
        self.assertEqual(target.read_text(), "kept")
        self.bad(1, "no_such_file_or_directory", "snapshot", "-o", str(FOLDER / "nowhere" / "x"))

    def test_a_table_on_a_terminal(self):
        primary, secondary = pty.openpty()
        try:
            for arguments, expected in ((["boolean", "dark-mode", "ada"], r"enabled +yes\r?\nreason +match"),
                                        (["flags"], r"KEY +TYPE +ENABLED"), (["info"], r"authentication\.required +true"),
                                        (["--json", "health"], r'^\{"status":"SERVING"\}')):
                self.good(*arguments, stdout=secondary)
                self.assertRegex(os.read(primary, 65536).decode(), expected)
        finally:
            os.close(primary)
            os.close(secondary)

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full:
            self.bad(1, "no_space_on_device", "health", stdout=full)


class Credentials(CliTest):
    def test_none_wrong_and_expired(self):
        for arguments in ([], ["--jwt", "wrong"], ["--jwt", servers.facts["expired_jwt"]], ["--token", servers.jwt]):
            for command in (["boolean", "dark-mode", "ada"], ["flags"], ["flag", "checkout"], ["self"], ["snapshot"]):
                self.bad(3, "unauthenticated", *arguments, *command, jwt=False, text="HTTP 401: ")

    def test_client_token(self):
        self.good("--token", servers.facts["client_token"], "flags", jwt=False)
        self.good("flags", jwt=False, env={"FLIPT_CLIENT_TOKEN": servers.facts["client_token"]})

    def test_jwt_file(self):
        path = FOLDER / "token"
        path.write_text(servers.jwt + "\n")
        self.good("--jwt-file", str(path), "flags", jwt=False)
        self.good("flags", jwt=False, env={"FLIPT_JWT_FILE": str(path)})
        self.bad(3, "invalid_token", "--jwt-file", str(FOLDER / "no-token"), "flags", jwt=False, text="no-token")

    def test_a_token_that_cannot_be_sent(self):
        self.bad(3, "invalid_token", "--jwt", "", "flags", jwt=False)
        self.bad(3, "invalid_token", "--jwt", servers.jwt + "\nX-Evil: 1", "flags", jwt=False)

    def test_one_credential_of_the_options_and_they_win(self):
        self.bad(2, "invalid_argument", "--token", "x", "flags")
        self.bad(2, "invalid_argument", "flags", jwt=False, env={"FLIPT_JWT": "a", "FLIPT_CLIENT_TOKEN": "b"})
        self.good("flags", env={"FLIPT_JWT": "a", "FLIPT_CLIENT_TOKEN": "b"})

    def test_kubernetes(self):
        path = FOLDER / "service-account"
        path.write_text(servers.jwt)  # any will do
        for server in ("kubernetes-v1", "kubernetes-v2"):
            self.good("--kubernetes-token-file", str(path), "flags", server=server, jwt=False)
            self.good("flags", server=server, jwt=False, env={"FLIPT_KUBERNETES_TOKEN_FILE": str(path)})
            self.bad(3, "unauthenticated", "flags", server=server, jwt=False)

    def test_kubernetes_without_a_pod(self):
        self.bad(3, "invalid_token", "--kubernetes-token-file", str(FOLDER / "none"), "flags", jwt=False)

    def test_a_server_that_repeats_the_token_is_not_repeated(self):
        for text in (servers.jwt, "you sent JWT " + servers.jwt + "!", "x" * 290 + servers.jwt):
            servers.fault('status 400 {"code":3,"message":"' + text + '","details":[]}', 1)
            self.bad(7, "invalid_argument", "flags", text="HTTP 400: ")
        servers.fault('status 400 {"code":3,"message":"' + servers.jwt + '","details":[]}', 1)
        line = '{"type":"boolean","request":{"flagKey":"dark-mode","entityId":"x"}}\n'
        self.assertIn("[token]", self.good("batch", stdin=line).out)


class Settings(CliTest):
    def test_the_environment(self):
        env = {"FLIPT_URL": servers.url["v2"], "FLIPT_JWT": servers.jwt, "FLIPT_NAMESPACE": "game", "FLIPT_TIMEOUT": "3s"}
        self.assertTrue(self.answer("boolean", "lobby", "x", server=None, jwt=False, env=env)["enabled"])
        self.good("--namespace", "default", "flag", "checkout", server=None, jwt=False, env=env)
        self.bad(2, "invalid_argument", "flags", env={"FLIPT_TIMEOUT": "soon"}, text="FLIPT_TIMEOUT")

    def test_durations(self):
        for text in ("1.5s", "1500ms", "2", "0.1m", "0", "10.000000000001s"):
            self.good("--timeout", text, "--connect-timeout", text, "health")
        for text in ("", "s", "-1", "1h", "1,5s", "1e3", ".s", "1.", "inf", "99999999999999999999", " 1"):
            self.bad(2, "invalid_argument", f"--timeout={text}", "health", text="--timeout")

    def test_usage(self):
        for arguments in (["boolean", "x"], [], ["nonsense"], ["--nonsense", "flags"], ["flags", "more"], ["--jwt"],
                          ["boolean", "a", "b", "-c", "novalue"], ["boolean", "a", "b", "-c", "=x"], ["--retries", "-1", "flags"],
                          ["--retries", "x", "flags"], ["--max-connections", "0", "flags"], ["batch", "--concurrency", "0"],
                          ["batch", "--one-call", "--concurrency", "2"], ["--cert", "x", "flags"], ["flags", "health"]):
            self.bad(2, "invalid_argument", *arguments, jwt=False)

    def test_mistyped_tokens_are_not_repeated(self):
        token = servers.jwt
        for arguments in ([token], ["--jwtt", token, "flags"], ["--jwtt=" + token, "flags"], ["--jwt" + token, "flags"],
                          ["-jwt", token, "flags"], ["--tokn=" + token], ["flags", token], ["--jwt", token, token, "flags"],
                          ["--", token], ["--jwt", "flags", token], ["boolean", token], ["-c" + token]):
            result = self.bad(2, "invalid_argument", *arguments, jwt=False)
            self.assertNotIn(token[:20], result.err)
        self.assertIn("--jwt?", self.bad(2, "invalid_argument", "--jtw", token, "flags", jwt=False).err)

    def test_text_that_cannot_be_sent(self):
        self.bad(2, "invalid_argument", "boolean", os.fsdecode(b"\xff"), "x", text="UTF-8")
        self.bad(2, "invalid_config", "--environment", "a\nb", "flags")
        for key in ("", ".", "..", "checkout/", "checkout/rules"):
            self.bad(2, "invalid_argument", "flag", key, text="cannot go into a path")
        for command in (["flags"], ["flag", "checkout"], ["snapshot"]):
            self.bad(2, "invalid_argument", "--namespace", "default/", *command, text="cannot go into a path")

    def test_settings_that_cannot_work(self):
        for url in ("", "localhost", "ftp://x", "http://user:secret@x", "http://x/?q", "http://x#f", "http://x:0"):
            result = self.bad(2, "invalid_config", "--url", url, "health", server=None)
            self.assertNotIn("secret", result.err)
        self.bad(2, "invalid_config", "--ca", str(FOLDER / "none.pem"), "health", server="tls")

    def test_help_and_version(self):
        text = self.good("--help", jwt=False).out
        self.assertRegex(text, r"--jwt .*--jwt-file")
        self.assertIn("--concurrency", self.good("batch", "--help", jwt=False).out)
        self.assertRegex(self.good("--version", jwt=False).out, r"^flipt-cli \d+\.\d+\.\d+\n$")


class Misbehaviour(CliTest):
    """The exit code for each thing a peer can do, with repeats and without."""

    def expect(self, code, name, fault, *arguments, timeout="10s", limit=None, text=""):
        for retries in ("0", "2"):
            with self.subTest(fault=fault, retries=retries):
                servers.tell("v2 clear")
                servers.fault(fault)
                options = ["--retries", retries, "--timeout", timeout]
                result = self.bad(code, name, *options, *(arguments or ["boolean", "dark-mode", "ada"]), text=text)
                if limit:
                    self.assertLess(result.seconds, limit + GRACE, result)

    def test_statuses(self):
        for status, code, name in ((400, 7, "invalid_argument"), (403, 3, "permission_denied"), (404, 4, "not_found"),
                                   (409, 7, "conflict"), (410, 7, "not_found"), (418, 7, "invalid_argument"),
                                   (429, 7, "rate_limited"), (500, 7, "server_error"), (501, 7, "server_error"),
                                   (503, 7, "server_error"), (302, 7, "unexpected_status"), (304, 7, "unexpected_status")):
            self.expect(code, name, f'status {status} ' + ("" if status == 304 else '{"code":1,"message":"so it is"}'),
                        text=f"HTTP {status}: ")
        self.expect(6, "invalid_response", r"raw HTTP/1.1 204 No Content\r\n\r\n")

    def test_time(self):
        self.expect(5, "timed_out", "no_answer", timeout="300ms", limit=0.3)
        self.expect(5, "timed_out", "delay 5000", timeout="300ms", limit=0.3)
        self.expect(5, "timed_out", "dribble", timeout="300ms", limit=0.3)

    def test_repeats(self):
        for fault in ("reset", "status 503 busy"):
            for retries in (0, 2):
                servers.tell("v2 clear")
                servers.fault(fault)
                before = servers.tell("v2 observe")["requests"]
                self.run_cli("--retries", str(retries), "flags")
                self.assertEqual(servers.tell("v2 observe")["requests"] - before, retries + 1, fault)
            servers.tell("v2 clear")
            servers.fault(fault, 2)
            self.good("flags")

    def test_network(self):
        self.expect(5, "connection_reset", "reset")
        self.bad(5, "connection_refused", "--url", "http://127.0.0.1:1", "flags", server=None)
        self.bad(5, "host_not_found.*", "--url", "http://no-such-host.invalid", "flags", server=None)

    def test_broken_http(self):
        head = r"HTTP/1.1 200 OK\r\n"
        self.expect(6, "protocol_error", r"raw garbage\r\n\r\n")
        self.expect(6, "protocol_error", r"raw " + head + r"Content-Length: -1\r\n\r\n")
        self.expect(6, "protocol_error", r"raw " + head + r"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx")
        self.expect(6, "protocol_error", r"raw " + head + r"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        self.expect(6, "truncated", r"raw " + head + r"Content-Length: 100\r\n\r\n{}")
        self.expect(6, "truncated", "mid_body")
        self.expect(6, "response_too_large", r"raw " + head + r"Content-Length: 99999999999\r\n\r\n{}")

    def test_broken_json(self):
        for body in ("[]", "{", '{"enabled":1}', "{} {}", "x", '{"enabled":true,"enabled":true}'):
            self.expect(6, "invalid_response", "status 200 " + body)

    def test_server_text_is_harmless(self):
        servers.fault('status 400 {"code":3,"message":"a' + r"\\u001b[31m\\u0000\\r\\n\\u0085\\u202e" + '"}')
        result = self.bad(7, "invalid_argument", "flags")
        self.assertIn(r"a\x1b[31m\x00\r\n\u{0085}\u{202e}", result.err)
        servers.tell("v2 clear")
        servers.fault('status 400 {"code":3,"message":"' + "\u00e9" * 1000 + '"}')
        said = re.search("HTTP 400: (.*)", self.bad(7, "invalid_argument", "flags").err)[1]
        self.assertLessEqual(len(said.encode()), 300)
        self.assertGreater(len(said.encode()), 290)


class Tls(CliTest):
    def ca(self, name="ca"):
        return ["--ca", str(FOLDER / f"{name}.pem")]

    def test_the_right_authority(self):
        self.good(*self.ca(), "flags", server="tls")
        self.good("flags", server="tls", env={"FLIPT_CA": str(FOLDER / "ca.pem")})

    def test_what_is_not_believed(self):
        for server, options in (("tls", []), ("tls", self.ca("other-ca")), ("expired", self.ca()), ("elsewhere", self.ca())):
            for retries in ("0", "2"):
                self.bad(5, "tls", *options, "--retries", retries, "flags", server=server, text="certificate")
        self.bad(5, "tls", *self.ca(), "--server-name", "elsewhere.test", "flags", server="tls")

    def test_the_name_to_verify(self):
        self.good(*self.ca(), "--server-name", "elsewhere.test", "flags", server="elsewhere")
        self.good("--insecure-skip-verify", "flags", server="elsewhere")

    def test_old_versions(self):
        self.bad(5, "(tls|connection_reset)", *self.ca(), "flags", server="old")

    def test_client_certificates(self):
        identity = ["--cert", str(FOLDER / "client.pem"), "--key", str(FOLDER / "client-key.pem")]
        self.good(*self.ca(), *identity, "flags", server="mutual")
        self.bad(5, "(tls|connection_reset|broken_pipe)", *self.ca(), "flags", server="mutual")

    def test_plain_http_and_tls_do_not_meet(self):
        self.bad(5, "(tls|timed_out)", "--timeout", "1s", "--url", servers.url["v2"].replace("http:", "https:"), "flags", server=None)
        result = self.run_cli("--url", servers.url["tls"].replace("https:", "http:"), "flags", server=None)
        self.assertIn(result.code, (5, 6), result)


def line(flag, entity="x", kind="boolean", **fields):
    return json.dumps({"type": kind, "request": {"flagKey": flag, "entityId": entity, **fields}}) + "\n"


class Batch(CliTest):
    def lines(self, result):
        return [json.loads(text) for text in result.out.splitlines()]

    def test_answers_and_server_errors(self):
        got = self.good("batch", stdin=line("dark-mode", "ada", requestId="r1") + line("checkout", kind="variant") +
                        line("nope") + line("checkout") + line("lobby", namespaceKey="game") +
                        line("dark-mode", environmentKey="nope"))
        got = self.lines(got)
        self.assertEqual([list(one) for one in got], [["type", "status", "response"]] * 6)
        self.assertEqual([one["type"] for one in got], ["boolean", "variant"] + ["boolean"] * 4)
        self.assertEqual([one["status"] for one in got], [200, 200, 404, 400, 200, 404])
        self.assertEqual(got[0]["response"]["requestId"], "r1")
        self.assertEqual(got[2]["response"], {"code": 5, "message": 'flag "default/nope" not found', "details": []})
        self.assertEqual(got[3]["response"]["code"], 3)

    def test_lines_that_are_none(self):
        bad_lines = ["", "x", "[]", "{", "{}", '{"type":"boolean"}', '{"type":"flag","request":{}}', '{"type":1,"request":{}}',
                     '{"type":"boolean","request":[]}', '{"type":"boolean","request":{"flagKey":1}}', '{"type":"boolean","request":'
                     '{"context":{"a":1}}}', '{"type":"boolean","request":{}} x', '{"type":"boolean","type":"boolean","request":{}}']
        result = self.bad(2, "invalid_argument", "batch", stdin=line("dark-mode") + "\n".join(bad_lines) + "\n" + line("dark-mode"),
                          text="line 2: ")
        got = self.lines(result)
        self.assertEqual(len(got), len(bad_lines) + 2)
        for text, one in zip(bad_lines, got[1:-1]):
            self.assertEqual((list(one), list(one["error"]), one["error"]["code"]),
                             (["type", "error"], ["code", "message"], "invalid_argument"), text)
        self.assertEqual(got[-1]["status"], 200)

    def test_members_that_are_not_known_and_null(self):
        text = '{"status":200,"response":{"x":[1]},"type":"boolean","request":{"flagKey":"dark-mode","entityId":null,"context":' \
               '{"a":null,"b":"\\u00e9\\n"},"more":{}}}\r\n'
        self.assertEqual(self.lines(self.good("batch", stdin=text))[0]["status"], 200)

    def test_no_lines_and_no_line_break_at_the_end(self):
        self.assertEqual(self.good("batch").out, "")
        self.assertEqual(self.good("batch", "--one-call").out, "")
        self.assertEqual(len(self.lines(self.good("batch", stdin=line("dark-mode").strip()))), 1)

    def test_exit_codes(self):
        self.bad(3, "unauthenticated", "batch", jwt=False, stdin="x\n" + line("dark-mode"), text="line 2: ")
        result = self.bad(5, "connection_refused", "--url", "http://127.0.0.1:1", "--retries", "0", "batch", server=None,
                          stdin=line("dark-mode") + "x\n")
        self.assertEqual([one["error"]["code"] for one in self.lines(result)], ["connection_refused", "invalid_argument"])
        servers.fault("status 500 oops")
        result = self.good("--retries", "0", "batch", stdin=line("dark-mode"))
        self.assertEqual(self.lines(result), [{"type": "boolean", "status": 500, "response": None}])

    def test_many_lines_in_order_over_few_connections(self):
        before = servers.tell("v2 observe")
        count = 10_000
        text = "".join(line("dark-mode", f"e{i}", requestId=f"r{i}") for i in range(count))
        got = self.lines(self.good("--max-connections", "8", "batch", "--concurrency", "64", stdin=text))
        self.assertEqual([one["response"]["requestId"] for one in got], [f"r{i}" for i in range(count)])
        after = servers.tell("v2 observe")
        self.assertEqual(after["requests"] - before["requests"], count)
        self.assertLessEqual(after["connections"] - before["connections"], 8)

    def test_a_slow_first_line_keeps_the_order(self):
        servers.fault("delay 500", 1)
        text = "".join(line("dark-mode", requestId=f"r{i}") for i in range(200))
        got = self.lines(self.good("batch", "--concurrency", "4", stdin=text))
        self.assertEqual([one["response"]["requestId"] for one in got], [f"r{i}" for i in range(200)])

    def start(self, *arguments, server="v2"):
        return subprocess.Popen([CLI, "--url", servers.url[server], "--jwt", servers.jwt, *arguments], env=PLAIN_ENVIRONMENT,
                                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_it_streams(self):
        with self.start("batch") as process:
            for i in range(3):
                process.stdin.write(line("dark-mode", requestId=f"r{i}"))
                process.stdin.flush()
                self.assertEqual(json.loads(process.stdout.readline())["response"]["requestId"], f"r{i}")
                servers.tell("v2 close_idle")  # what a server does with a connection that waits for long
            process.stdin.close()
            self.assertEqual(process.wait(30), 0)

    def test_a_silent_pipe_delays_no_deadline(self):
        servers.fault("no_answer")
        with self.start("--timeout", "300ms", "--retries", "0", "batch") as process:
            process.stdin.write(line("dark-mode"))
            process.stdin.flush()
            begin = time.monotonic()
            self.assertEqual(json.loads(process.stdout.readline())["error"]["code"], "timed_out")
            self.assertLess(time.monotonic() - begin, 0.3 + GRACE)
            process.stdin.close()
            self.assertEqual(process.wait(30), 5)
            self.assertRegex(process.stderr.read(), r"\Aflipt-cli: timed_out: line 1: [^\n]*\n\Z")

    def test_a_reader_that_leaves(self):
        text = line("dark-mode") * 2000
        process = self.start("batch", server="v1")  # its requests outlive it, and no fault of another test is for them
        process.stdout.close()
        try:
            process.stdin.write(text)
            process.stdin.close()
        except BrokenPipeError:
            pass
        self.assertEqual(process.wait(30), 1)
        self.assertRegex(process.stderr.read(), r"\Aflipt-cli: broken_pipe: [^\n]*\n\Z")
        process.stderr.close()

    def test_one_call(self):
        before = servers.tell("v2 observe")["requests"]
        text = line("dark-mode", "ada") + "x\n" + line("checkout", kind="variant") + line("nope")
        result = self.bad(2, "invalid_argument", "batch", "--one-call", stdin=text, text="line 2: ")
        got = self.lines(result)
        self.assertEqual(servers.tell("v2 observe")["requests"] - before, 1)
        self.assertEqual([one["type"] for one in got], ["boolean", None, "variant", "error"])
        self.assertEqual(got[3], {"type": "error", "status": 200, "response": {
            "flagKey": "nope", "namespaceKey": "default", "reason": "NOT_FOUND_ERROR_EVALUATION_REASON"}})
        self.bad(3, "unauthenticated", "batch", "--one-call", jwt=False, stdin=line("dark-mode") * 3, text="line 1: ")
        self.bad(2, "invalid_argument", "batch", "--one-call", stdin=line("dark-mode") + line("dark-mode", environmentKey="staging"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
