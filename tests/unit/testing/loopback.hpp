// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A blocking raw client on the loopback interface, for tests of the embedded server. TLS where asked for.
#pragma once

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/error.hpp>
#include <asio/ssl/host_name_verification.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace test {

/// One reply, cut out of what came.
class reply {
public:
    reply() = default;

    int status = 0;
    std::string head;
    std::string body; ///< without chunk framing
    std::string raw;

    [[nodiscard]] std::string header(std::string_view name) const
    {
        const std::string wanted = "\r\n" + std::string(name) + ": ";
        const auto at = head.find(wanted);
        if (at == std::string::npos)
            return {};
        const auto begin = at + wanted.size();
        return head.substr(begin, head.find("\r\n", begin) - begin);
    }
};

class connection {
public:
    explicit connection(std::uint16_t port, const char* address = "127.0.0.1") : socket_(context_)
    {
        socket_.connect({asio::ip::make_address(address), port});
    }
    /// With TLS; throws when the handshake fails.
    connection(std::uint16_t port, asio::ssl::context& tls, SSL_SESSION* session = nullptr) : connection(port)
    {
        tls_ = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket&>>(socket_, tls);
        SSL_set_tlsext_host_name(tls_->native_handle(), "localhost");
        if (session != nullptr)
            SSL_set_session(tls_->native_handle(), session);
        tls_->handshake(asio::ssl::stream_base::client);
    }

    void send(std::string_view bytes)
    {
        if (tls_)
            asio::write(*tls_, asio::buffer(bytes.data(), bytes.size()));
        else
            asio::write(socket_, asio::buffer(bytes.data(), bytes.size()));
    }
    /// False at the end (or on an error, kept in `error`).
    bool read_more()
    {
        const auto n =
            tls_ ? tls_->read_some(asio::buffer(chunk_), error) : socket_.read_some(asio::buffer(chunk_), error);
        data.append(chunk_.data(), n);
        return !error;
    }
    /// Reads everything until the peer ends.
    std::string read_all()
    {
        while (read_more()) {}
        return std::exchange(data, std::string());
    }
    bool read_until(std::string_view text)
    {
        while (data.find(text) == std::string::npos)
            if (!read_more())
                return false;
        return true;
    }
    reply read_reply()
    {
        reply out;
        if (!read_until("\r\n\r\n")) {
            out.raw = data;
            return out;
        }
        const auto head_size = data.find("\r\n\r\n") + 4;
        out.head = data.substr(0, head_size);
        out.raw = out.head;
        data.erase(0, head_size);
        out.status = std::atoi(out.head.c_str() + 9);
        if (!out.header("Transfer-Encoding").empty()) {
            for (;;) {
                if (!read_until("\r\n"))
                    return out;
                const auto size = std::strtoull(data.c_str(), nullptr, 16);
                data.erase(0, data.find("\r\n") + 2);
                while (data.size() < size + 2)
                    if (!read_more())
                        return out;
                out.body += data.substr(0, size);
                data.erase(0, size + 2);
                if (size == 0)
                    return out;
            }
        }
        const auto size = std::strtoull(out.header("Content-Length").c_str(), nullptr, 10);
        while (data.size() < size)
            if (!read_more())
                return out;
        out.body = data.substr(0, size);
        data.erase(0, size);
        return out;
    }
    reply ask(std::string_view method, std::string_view target, std::string_view headers = {},
              std::string_view body = {})
    {
        send(request(method, target, headers, body));
        return read_reply();
    }
    static std::string request(std::string_view method, std::string_view target, std::string_view headers,
                               std::string_view body)
    {
        std::string out(method);
        out.append(" ").append(target).append(" HTTP/1.1\r\nHost: x\r\n").append(headers);
        if (!body.empty())
            out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
        return out.append("\r\n").append(body);
    }

    SSL* ssl() { return tls_->native_handle(); }
    asio::ip::tcp::socket& socket() { return socket_; }

    std::string data;
    asio::error_code error;

private:
    asio::io_context context_{1};
    asio::ip::tcp::socket socket_;
    std::unique_ptr<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
    std::array<char, 4096> chunk_{};
};

} // namespace test
