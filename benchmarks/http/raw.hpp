// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the two raw peers share: connecting, TLS, one request into one buffer, one reply out of one.
#pragma once

#include "../support/options.hpp"
#include "../support/payload.hpp"
#include "reply.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

[[noreturn]] inline void fail(const char* what)
{
    std::perror(what);
    ERR_print_errors_fp(stderr);
    std::exit(1);
}

inline int connect_to(const options& o)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(o.port);
    inet_pton(AF_INET, o.host.c_str(), &address.sin_addr);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail("connect");
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

inline void unblock(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

inline SSL_CTX* tls_of(const options& o)
{
    if (o.ca.empty())
        return nullptr;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context, o.ca.c_str(), nullptr) != 1)
        fail("CA");
    return context;
}

inline SSL* handshake(SSL_CTX* context, int fd, const options& o)
{
    SSL* ssl = SSL_new(context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), o.host.c_str());
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        fail("SSL_connect");
    return ssl;
}

/// One request and its reply in buffers that are kept.
class raw_exchange {
public:
    static constexpr std::size_t size = 16 * 1024;

    /// Head and body in one buffer, for one send.
    std::string_view build(std::string_view head, std::string_view entity_id)
    {
        body(body_, flag_key, entity_id);
        char digits[16];
        const auto end = std::to_chars(digits, digits + sizeof digits, body_.size()).ptr;
        request_.assign(head);
        request_.append(digits, static_cast<std::size_t>(end - digits));
        request_.append("\r\n\r\n");
        request_.append(body_);
        used_ = 0;
        return request_;
    }

    [[nodiscard]] char* room() { return in_ + used_; }

    /// Notes `n` bytes that were read into room(). True: the reply is whole and `result` filled.
    bool take(std::size_t n)
    {
        used_ += n;
        const auto* blank = static_cast<const char*>(memmem(in_, used_, "\r\n\r\n", 4));
        if (blank == nullptr)
            return false;
        const std::string_view head(in_, static_cast<std::size_t>(blank - in_));
        const std::size_t field = head.find("\r\nContent-Length: ");
        std::size_t length = 0;
        if (field == head.npos || head.substr(9, 3) != "200")
            fail("head");
        std::from_chars(head.data() + field + 18, head.data() + head.size(), length);
        if (used_ < head.size() + 4 + length)
            return false;
        reader_.read(blank + 4, length, sizeof in_ - head.size() - 4, result);
        return true;
    }

    answer result;

private:
    std::string body_, request_;
    std::size_t used_ = 0;
    reply_reader reader_;
    char in_[2 * size];
};

} // namespace bench
