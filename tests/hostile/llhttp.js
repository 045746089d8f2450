// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Our parser of replies and Node's (llhttp, strict) on the same made-up and broken replies: node llhttp.js PROGRAM
// [CASES [SEED]]. PROGRAM is the test program `replies`. Ends with 1 at a difference that is not in the lists below.
'use strict';
process.removeAllListeners('warning'); // of the deprecated way to llhttp
process.noDeprecation = true;
const { spawn } = require('child_process');
const { HTTPParser } = process.binding('http_parser');

// Where we refuse what llhttp takes, by our reason.
const stricter = [
    [/^the status code is not between 100 and 599/, 'there is no such status'],
    [/^bad HTTP version/, 'llhttp knows HTTP/0.9 and HTTP/2.0, too'],
    [/^the reply does not start with HTTP\/1\./, 'llhttp knows HTTP/0.9, HTTP/2.0 and other protocols, and skips empty lines before a reply'],
    [/^a Transfer-Encoding other than one "chunked"/, 'we undo no other coding, llhttp leaves that to others'],
    [/^a Transfer-Encoding in an HTTP\/1\.0 reply/, 'RFC 9112 6.1'],
    [/^101 Switching/, 'never asked for; an end for llhttp, too'],
    [/^a 1xx reply that announces a body/, 'llhttp passes over it'],
    [/^a Content-Encoding that was not asked for/, 'llhttp does not look at it'],
    [/^more than one Content-Length/, 'llhttp takes a second one in some 1xx'],
    [/^a control byte in the status line/, 'llhttp passes over the reason, whatever it is'],
    [/^a bare CR in the status line/, 'llhttp takes any byte behind that CR for the LF'],
    [/^too many 1xx|^the reply has too many header fields|over the size limit|passed the size limit|too long|too large/, 'a limit of ours'],
];
// Where we take what llhttp refuses, by llhttp's code.
const tolerant = [
    ['HPE_INVALID_TRANSFER_ENCODING', (r) => r.both, 'both lengths: chunked counts, and the connection is not used again (RFC 9112 6.3)'],
    ['HPE_INVALID_CONTENT_LENGTH', (r) => r.both, 'the same'],
    ['HPE_UNEXPECTED_CONTENT_LENGTH', (r) => r.both, 'the same'],
    ['HPE_INVALID_CONTENT_LENGTH', (r) => /\ncontent-length:[ \t]*\d+[ \t]*\t[ \t]*\r/.test(r.lower), 'llhttp strips no TAB behind a value (RFC 9110 5.5: OWS)'],
    ['HPE_STRICT', (r) => r.reason.includes('chunk extensions'), 'we pass over extensions, whatever they are: nothing but CR LF ends one'],
    ['HPE_INVALID_CHUNK_SIZE', (r) => /\n[0-9a-f]+[ \t]+(;|\r)/.test(r.lower), 'white space behind a chunk size (RFC 9112 7.1.1: BWS)'],
    ['HPE_CLOSED_CONNECTION', (r) => /^http\/1\.[01] 1\d\d/.test(r.lower), 'a 1xx ends no connection'],
];

// ---- random replies --------------------------------------------------------------------------------------------
let state = 0;
function random(n) { // xorshift; 0 .. n - 1
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    return (state >>> 0) % n;
}
const one = (list) => list[random(list.length)];
const odd = (common, rare) => (random(20) === 0 ? one(rare) : one(common));
const letters = 'abcdefghijklmnopqrstuvwxyzABC0189-!~';
function word(most) {
    let out = '';
    for (let n = random(most) + 1; n > 0; --n) out += letters[random(letters.length)];
    return out;
}
const text = () => odd([word(20), word(5) + ' ' + word(5), '', '"' + word(3) + '"'], ['\xe9\xff', '\t x', 'a\x00b', 'a\rb', 'a\nb', '\x7f', '\x01', ' '.repeat(5)]);
const end = () => (random(60) === 0 ? one(['\n', '\r', '\r\r\n', '\n\r\n', ' \r\n']) : '\r\n');
const recase = (name) => (random(4) ? name : name.replace(/./g, (c) => (random(2) ? c.toUpperCase() : c.toLowerCase())));

function chunks(body) {
    let out = '';
    for (let at = 0; at < body.length;) {
        const size = random(4) ? Math.min(body.length - at, 1 + random(20)) : body.length - at;
        let digits = size.toString(16);
        if (random(4) === 0) digits = digits.toUpperCase();
        if (random(6) === 0) digits = '0'.repeat(random(4)) + digits;
        if (random(50) === 0) digits = one(['', ' ', '+', '-', '0x', 'g', 'fffffffffffffffff', '_']) + digits;
        if (random(8) === 0) digits += one([';' + word(4), ';' + word(3) + '=' + word(3), ';' + word(3) + '="' + word(3) + '"', ' ', '\t', ' ;x', ';', ';=', ';a=', ';a="\\""', ';a b', ';a;b=c', ';\xe9', ';a="', '; x=y', ';x =y', ';x= y']);
        out += digits + end() + body.substr(at, size) + end();
        at += size;
    }
    out += odd(['0'], ['00', '0000', '', '0;x', '0 ', '-0']) + end();
    for (let n = random(3); n > 0; --n) if (random(3) === 0) out += word(6) + ': ' + text() + end();
    return out + end();
}

function head(status, fields) {
    const reason = odd([' OK', ' ', ' No Content', ''], [' \xe9', ' a\tb', ' \x00', '  ', '\tOK', ' a\rb']);
    let out = odd(['HTTP/1.1'], ['HTTP/1.0', 'HTTP/1.0', 'HTTP/1.1', 'http/1.1', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/11', 'HTTP/1.1 ', 'ICY', 'RTSP/1.0']);
    out += odd([' '], ['  ', '\t', '']) + status + reason + end();
    for (const [name, value] of fields) {
        out += recase(name) + (random(60) === 0 ? one([' :', '\t:', '', '::', ';']) : ':') + odd([' ', ''], ['  ', '\t']) + value + odd([''], [' ', '\t', ' \t']) + end();
        if (random(120) === 0) out += one([' folded', '\tfolded', ' ', ':', ': x', '\x00']) + end();
    }
    return out + end();
}

function reply() {
    let out = '';
    for (let n = random(12) === 0 ? 1 + random(3) : 0; n > 0; --n)
        out += head(one(['100', '102', '103', '199', '101']), random(6) ? [] : [[one(['Link', 'Content-Length', 'Transfer-Encoding']), one(['x', '0', '5', 'chunked'])]]);
    const body = random(5) ? '{"x":' + word(30) + '}' : one(['', '\x00', 'HTTP/1.1 200 OK\r\n\r\n', '0\r\n\r\n', '\r\n']);
    const fields = [];
    for (let n = random(4); n > 0; --n)
        fields.push([odd(['Date', 'X-' + word(8), 'Content-Type', 'ETag', 'Set-Cookie'], ['X ' + word(2), 'X\xe9', '', '(x)', 'Content-Encoding', 'Upgrade', 'Trailer', 'Proxy-Connection', 'Content-Length-X', 'Content-Lengt']), text()]);
    const framing = random(10);
    let sent = body;
    if (framing < 4 || framing === 9) {
        const size = String(body.length);
        fields.push(['Content-Length', odd([size], ['0' + size, '+' + size, '-' + size, size + ' ', size + ', ' + size, '', 'x', '0x5', '99999999999999999999', '18446744073709551616', size + 'a', size + ' ' + size, String(body.length + 1 + random(3)), String(Math.max(0, body.length - 1 - random(3)))])]);
        if (random(20) === 0) fields.push(['Content-Length', one([size, '7'])]);
    }
    if ((framing >= 4 && framing < 8) || framing === 9) {
        fields.push(['Transfer-Encoding', odd(['chunked'], ['Chunked', 'CHUNKED', ' chunked', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'identity', 'chunke', 'xchunked', 'chunked;q=1', ',chunked', 'chunked,', '', '"chunked"', 'gzip'])]);
        if (random(20) === 0) fields.push(['Transfer-Encoding', one(['chunked', 'gzip', ''])]);
        sent = chunks(body);
    }
    if (random(4) === 0) fields.push(['Connection', one(['close', 'keep-alive', 'Close', 'keep-alive, close', 'upgrade', 'x', ''])]);
    for (let n = random(3); n > 0; --n) fields.push(fields.splice(random(fields.length + 1), 1)[0] || ['A', 'b']); // another order
    out += head(odd(['200', '404', '503'], ['204', '304', '100', '101', '600', '999', '099', '20', '2000', '2x0', '-20', '205']), fields) + sent;
    if (random(10) === 0) out += one(['\r\n', 'x', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '\n', '\x00']);
    let bytes = Buffer.from(out, 'latin1');
    for (let n = random(4) ? 0 : 1 + random(3); n > 0 && bytes.length; --n) bytes = mutate(bytes);
    return bytes;
}

function mutate(bytes) {
    const at = random(bytes.length);
    const copy = Buffer.from(bytes);
    switch (random(6)) {
    case 0: copy[at] = random(256); return copy;
    case 1: copy[at] = one([13, 10, 0, 32, 9, 58, 59, 44, 48, 127, 128, 255]); return copy;
    case 2: return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(4))]);
    case 3: return Buffer.concat([bytes.subarray(0, at), Buffer.from([one([13, 10, 0, 32, 9, 58, 48, 65])]), bytes.subarray(at)]);
    case 4: return bytes.subarray(0, at); // truncated
    default: { // a part of it twice
        const size = random(20);
        return Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)]);
    }
    }
}

// ---- llhttp ----------------------------------------------------------------------------------------------------
function theirs(bytes) {
    const parser = new HTTPParser();
    parser.initialize(HTTPParser.RESPONSE, {}, 1 << 20, 0);
    let status = 0;
    let body = [];
    let verdict = null;
    let upgraded = false;
    parser[HTTPParser.kOnHeaders] = () => {};
    parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, method, url, code, reason, upgrade) => {
        status = code;
        body = [];
        upgraded = upgrade;
        return 0;
    };
    parser[HTTPParser.kOnBody] = (part) => { body.push(Buffer.from(part)); };
    parser[HTTPParser.kOnMessageComplete] = () => {
        if (!verdict && (status >= 200 || status === 101))
            verdict = { complete: true, status, body: Buffer.concat(body), upgraded };
    };
    let result = 0;
    for (let at = 0; at < bytes.length && !verdict && !(result instanceof Error);) {
        const size = random(3) ? bytes.length - at : 1 + random(bytes.length - at);
        result = parser.execute(bytes.subarray(at, at + size));
        at += size;
    }
    if (!verdict && !(result instanceof Error)) {
        const ended = parser.finish();
        if (!verdict) result = ended instanceof Error ? ended : Object.assign(new Error('incomplete'), { code: 'INCOMPLETE' });
    }
    parser.remove?.();
    return verdict || { complete: false, code: result.code, reason: result.reason || result.message };
}

// ---- the comparison ----------------------------------------------------------------------------------------------
const program = process.argv[2];
const cases = Number(process.argv[3] || 200000);
state = Number(process.argv[4] || 20260101) | 1;
const ours = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = [];
const counts = { 'both take it': 0, 'both refuse it': 0 };
let differences = 0;
let done = 0;
const count = (what) => { counts[what] = (counts[what] || 0) + 1; };

function judge(bytes, line) {
    const them = theirs(bytes);
    const show = () => JSON.stringify(bytes.toString('latin1'));
    const differ = (why) => {
        if (++differences <= 20) console.log(`DIFFERENT: ${why}\n  bytes  ${show()}\n  ours   ${line}\n  llhttp ${JSON.stringify({ ...them, body: them.body && them.body.toString('latin1') })}`);
    };
    const words = line.split(' ');
    if (/\ntransfer-encoding:[ \t]*chunked[ \t]*\t[ \t]*\r/.test(bytes.toString('latin1').toLowerCase()))
        return count('not compared: llhttp strips no TAB behind "chunked" and reads to the end of the connection');
    if (words[0] === 'complete' && them.complete) {
        if (Number(words[1]) === them.status && them.body.toString('hex') === (words[4] || '')) return count('both take it');
        return differ('another reply');
    }
    if (words[0] === 'complete') {
        const lower = bytes.toString('latin1').toLowerCase();
        const traits = { both: words[2] === '0' && lower.includes('transfer-encoding') && lower.includes('content-length'), lower, reason: them.reason };
        const rule = tolerant.find(([code, when]) => them.code === code && when(traits));
        return rule ? count(`we take it: ${rule[0]}, ${rule[2]}`) : differ('only we take it');
    }
    if (!them.complete) return count('both refuse it');
    const reason = line.substr('failed '.length);
    const rule = stricter.find(([pattern]) => pattern.test(reason));
    return rule ? count(`we refuse it: ${reason}: ${rule[1]}`) : differ('only we refuse it');
}

let rest = '';
ours.stdout.setEncoding('latin1');
ours.stdout.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) { judge(waiting.shift(), line); ++done; }
    feed();
});
ours.on('exit', (code) => {
    for (const [what, n] of Object.entries(counts)) console.log(`${n} ${what}`);
    console.log(`compared ${done} replies with llhttp ${process.versions.llhttp}: ${differences} differ`);
    process.exit(differences || done !== cases || code ? 1 : 0);
});
let made = 0;
function feed() {
    while (made < cases && waiting.length < 500) {
        const bytes = reply();
        const size = Buffer.alloc(4);
        size.writeUInt32LE(bytes.length);
        ours.stdin.write(Buffer.concat([size, bytes]));
        waiting.push(bytes);
        ++made;
    }
    // Enough bytes that the last lines leave the program's buffer only at its end.
    if (made === cases) ours.stdin.end();
}
feed();
