// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A server with fixed replies: one epoll loop, plain or TLS, which looks at no more of a request than where it ends and
// what it asks. `server FOLDER [CERTIFICATE KEY]`: FOLDER holds boolean, variant and batch, whole replies with head,
// and varied0 to varied3, boolean ones of other dates and lengths, which requests below /varied get in turn.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

std::string boolean_reply, variant_reply, batch_reply, varied_replies[4];
std::size_t turn = 0;

std::string slurp(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.empty()) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        std::exit(1);
    }
    return text;
}

struct peer {
    int fd = -1;
    SSL* ssl = nullptr;
    std::vector<char> in = std::vector<char>(64 * 1024);
    std::size_t used = 0;

    peer() = default;
    peer(const peer&) = delete;
    ~peer()
    {
        if (ssl != nullptr)
            SSL_free(ssl);
        close(fd);
    }

    // Bytes; 0 = later; -1 = gone.
    long receive()
    {
        if (ssl == nullptr) {
            const long n = recv(fd, in.data() + used, in.size() - used, 0);
            return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
        }
        const int n = SSL_read(ssl, in.data() + used, static_cast<int>(in.size() - used));
        if (n > 0)
            return n;
        const int error = SSL_get_error(ssl, n);
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }

    // Replies are small and clients read them: a socket that takes no more is an error of the benchmark.
    bool send_all(std::string_view text)
    {
        if (ssl != nullptr)
            return SSL_write(ssl, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
        while (!text.empty()) {
            const long n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
            if (n > 0)
                text.remove_prefix(static_cast<std::size_t>(n));
            else if (errno != EAGAIN)
                return false;
        }
        return true;
    }

    // Answers every whole request that is there. False: close.
    bool serve()
    {
        for (;;) {
            const std::string_view text(in.data(), used);
            const std::size_t head = text.find("\r\n\r\n");
            if (head == std::string_view::npos)
                return used < in.size();
            std::size_t length = 0;
            std::size_t at = text.find("ontent-");
            for (; at < head; at = text.find("ontent-", at + 7))
                if (text.substr(at + 8, 7) == "ength: ") // Content-Length, whatever its letter case is here
                    length = std::strtoul(text.data() + at + 15, nullptr, 10);
            const std::size_t total = head + 4 + length;
            if (used < total)
                return total <= in.size();
            const std::string_view line = text.substr(0, text.find('\r'));
            const std::string& reply = line.find(" /varied") != line.npos   ? varied_replies[turn++ % 4]
                                       : line.find("/boolean") != line.npos ? boolean_reply
                                       : line.find("/variant") != line.npos ? variant_reply
                                                                            : batch_reply;
            std::memmove(in.data(), in.data() + total, used - total);
            used -= total;
            if (!send_all(reply))
                return false;
            if (used == 0)
                return true;
        }
    }
};

} // namespace

int main(int argc, char** argv)
{
    if (argc != 2 && argc != 4) {
        std::fprintf(stderr, "usage: server FOLDER [CERTIFICATE KEY]\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM); // ends with whoever started it
    const std::string folder = argv[1];
    boolean_reply = slurp(folder + "/boolean");
    variant_reply = slurp(folder + "/variant");
    batch_reply = slurp(folder + "/batch");
    for (std::size_t i = 0; i < 4; ++i)
        varied_replies[i] = slurp(folder + "/varied" + std::to_string(i));

    SSL_CTX* tls = nullptr;
    if (argc == 4) {
        tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
        SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        if (SSL_CTX_use_certificate_chain_file(tls, argv[2]) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1) {
            ERR_print_errors_fp(stderr);
            return 1;
        }
    }

    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 2048) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::perror("listen");
        return 1;
    }
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);

    std::vector<epoll_event> events(256);
    for (;;) {
        const int n = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n; ++i) {
            auto* p = static_cast<peer*>(events[static_cast<std::size_t>(i)].data.ptr);
            if (p == nullptr) {
                const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0)
                    continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                auto made = std::make_unique<peer>();
                made->fd = fd;
                if (tls != nullptr) {
                    made->ssl = SSL_new(tls);
                    SSL_set_fd(made->ssl, fd);
                    SSL_set_accept_state(made->ssl);
                }
                event.data.ptr = made.release();
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
                continue;
            }
            // One read takes all there is of a plain connection; of TLS there may be another record in the buffer.
            bool open = true;
            do {
                const long got = p->receive();
                if (got > 0)
                    p->used += static_cast<std::size_t>(got);
                open = got >= 0 && (got == 0 || p->serve());
                if (got == 0)
                    break;
            } while (open && p->ssl != nullptr && SSL_pending(p->ssl) > 0);
            if (!open)
                delete p;
        }
    }
}
