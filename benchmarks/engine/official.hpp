// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Flipt's official engine (the C library in the flipt-client wheel), loaded at run time and fed over loopback.
#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace bench {

// Answers every request on a loopback port with one document.
class document_server {
public:
    explicit document_server(const std::string& document) : document_(document)
    {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 ||
            ::listen(listener_, 8) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
            std::perror("no loopback server"), std::exit(1);
        port_ = ntohs(a.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    document_server(const document_server&) = delete;
    document_server& operator=(const document_server&) = delete;
    ~document_server()
    {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    // One fetch, as little as a client can do: what an engine's load contains besides reading the document.
    void fetch() const
    {
        const int s = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons(port_);
        if (::connect(s, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0)
            std::perror("connect"), std::exit(1);
        send_all(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        std::string all;
        all.reserve(document_.size() + 1024);
        static char part[1 << 18];
        for (ssize_t n = 0; (n = ::recv(s, part, sizeof part, 0)) > 0;)
            all.append(part, static_cast<std::size_t>(n));
        ::close(s);
    }

private:
    static void send_all(int s, const std::string& text)
    {
        for (std::size_t at = 0; at < text.size();) {
            const ssize_t n = ::send(s, text.data() + at, text.size() - at, MSG_NOSIGNAL);
            if (n <= 0)
                return;
            at += static_cast<std::size_t>(n);
        }
    }
    void serve() const
    {
        for (int s = 0; (s = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(s)) {
            std::string head;
            char part[4096];
            while (head.find("\r\n\r\n") == std::string::npos) {
                const ssize_t n = ::recv(s, part, sizeof part, 0);
                if (n <= 0)
                    break;
                head.append(part, static_cast<std::size_t>(n));
            }
            send_all(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nEtag: e\r\nConnection: "
                        "close\r\nContent-Length: " +
                            std::to_string(document_.size()) + "\r\n\r\n");
            send_all(s, document_);
        }
    }

    const std::string& document_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

// The functions of ext/flipt_engine.h, as the wheel's Python code calls them.
class official_library {
public:
    // Looks for it with official.py, which fetches the wheel by pip, when no path is given.
    explicit official_library(std::string path)
    {
        if (path.empty()) {
            std::FILE* const p = ::popen("python3 '" FLIPT_OFFICIAL_SCRIPT "' 2>/dev/null", "r");
            char line[4096] = {};
            if (p != nullptr && std::fgets(line, sizeof line, p) != nullptr)
                path.assign(line, std::strcspn(line, "\n"));
            if (p != nullptr)
                ::pclose(p);
        }
        if (path.empty() || (library_ = ::dlopen(path.c_str(), RTLD_NOW)) == nullptr)
            return;
        take(initialize, "initialize_engine");
        take(destroy, "destroy_engine");
        take(evaluate_boolean, "evaluate_boolean");
        take(evaluate_variant, "evaluate_variant");
        take(destroy_string, "destroy_string");
    }
    [[nodiscard]] explicit operator bool() const { return library_ != nullptr; }

    void* (*initialize)(const char*) = nullptr;
    void (*destroy)(void*) = nullptr;
    const char* (*evaluate_boolean)(void*, const char*) = nullptr;
    const char* (*evaluate_variant)(void*, const char*) = nullptr;
    void (*destroy_string)(char*) = nullptr;

private:
    template <class F>
    void take(F& f, const char* name)
    {
        void* const at = ::dlsym(library_, name);
        if (at == nullptr)
            std::fprintf(stderr, "the official engine has no %s\n", name), std::exit(1);
        std::memcpy(&f, &at, sizeof f);
    }
    void* library_ = nullptr;
};

} // namespace bench
