# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""flipt-cli --transport grpc from outside: cli_test.py FLIPT_CLI SERVER TOKEN [unittest arguments]."""
import json
import os
import subprocess
import sys
import unittest

CLI, SERVER, TOKEN = sys.argv[1:4]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("FLIPT_", "GRPC_VERBOSITY", "GRPC_TRACE"))}
server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
URL = f"http://127.0.0.1:{int(server.stdout.readline())}"


def tell(line):
    server.stdin.write(line + "\n")
    server.stdin.flush()
    assert server.stdout.readline() == "ok\n"


class GrpcCliTest(unittest.TestCase):
    def run_cli(self, *arguments, url=URL, jwt=TOKEN, stdin=""):
        command = [CLI, "--transport", "grpc", "--jwt", jwt, *(["--url", url] if url else []), *arguments]
        done = subprocess.run(command, env=ENVIRONMENT, text=True, input=stdin, capture_output=True, timeout=60)
        self.assertNotIn(jwt, done.stdout + done.stderr)
        if done.returncode == 0:
            self.assertEqual(done.stderr, "")
        else:
            self.assertRegex(done.stderr, r"\Aflipt-cli: [a-z_.0-9]+: [^\n]+\n\Z")
        return done

    def test_answers(self):
        boolean = json.loads(self.run_cli("--namespace", "game", "boolean", "dark", "ada").stdout)
        self.assertEqual((boolean["flagKey"], boolean["segmentKeys"]), ("dark", ["game"]))
        self.assertEqual(boolean["reason"], "MATCH_EVALUATION_REASON")
        variant = json.loads(self.run_cli("variant", "color", "ada").stdout)
        self.assertEqual((variant["flagKey"], variant["match"]), ("color", False))
        flags = json.loads(self.run_cli("flags").stdout)
        self.assertEqual([f["key"] for f in flags["flags"]], ["of-default"])
        snapshot = json.loads(self.run_cli("snapshot").stdout)
        self.assertEqual([f["key"] for f in snapshot["flags"]], ["f"])

    def test_batch(self):
        lines = "".join(json.dumps({"type": t, "request": {"flagKey": k, "entityId": "e"}}) + "\n"
                        for t, k in (("boolean", "a"), ("variant", "b"), ("boolean", "missing"), ("boolean", "other")))
        done = self.run_cli("batch", stdin=lines)
        out = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["status"] for line in out], [200, 200, 404, 400])
        self.assertEqual(out[2]["response"], {"code": 5, "message": 'flag "default/missing" not found', "details": []})
        one_call = [json.loads(line) for line in self.run_cli("batch", "--one-call", stdin=lines).stdout.splitlines()]
        self.assertEqual([line["response"]["flagKey"] for line in one_call], ["a", "b", "missing", "other"])

    def test_exits(self):
        for expected, arguments, options in (
            (3, ["boolean", "f", "e"], {"jwt": "wrong-token"}),
            (4, ["boolean", "missing", "e"], {}),
            (5, ["--timeout", "100ms", "boolean", "hang", "e"], {}),
            (5, ["--retries", "0", "flags"], {"url": "http://127.0.0.1:1"}),
            (5, ["--retries", "0", "flags"], {"url": URL.replace("http", "https")}),
            (6, ["variant", "garbage", "e"], {}),
            (7, ["variant", "other", "e"], {}),
            (2, ["flags"], {"url": URL + "/path"}),
            (2, ["info"], {}),
            (2, ["self"], {"url": None}),
        ):
            with self.subTest(arguments=arguments, **options):
                done = self.run_cli(*arguments, **options)
                self.assertEqual(done.returncode, expected, done)

    def test_watch(self):
        command = [CLI, "--transport", "grpc", "--jwt", TOKEN, "--url", URL, "watch", "--exit-after", "2"]
        watch = subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertRegex(watch.stderr.readline(), r"\Aflipt-cli: watching, digest [0-9a-f]{40}\n\Z")
        tell("streams")
        for value in ("true", "false"):
            tell("set " + value)
            change = json.loads(watch.stdout.readline())
            self.assertEqual((change["added"], change["removed"], change["changed"]), ([], [], ["f"]))
        self.assertEqual(watch.wait(timeout=30), 0)
        watch.stdout.close()
        watch.stderr.close()


try:
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
finally:
    server.stdin.close()
    server.stdout.close()
    server.wait(timeout=30)
