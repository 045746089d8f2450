// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// libcurl's multi interface with sockets and epoll, which libcurl-multi(3) recommends for many transfers ("multi_socket
// … this API is made to scale"), after its example ephiperfifo.c. Handles are kept, connections by the multi handle.
#include "curl.hpp"

#include <memory>
#include <sys/epoll.h>
#include <vector>

namespace {

class loop {
public:
    explicit loop(const bench::options& o) : options_(o), meter_(o), multi_(curl_multi_init())
    {
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &loop::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &loop::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        // As many kept connections as requests in flight: CURLMOPT_MAXCONNECTS(3).
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(o.in_flight));
        for (int i = 0; i < o.in_flight; ++i)
            handles_.push_back(std::make_unique<bench::curl_handle>(o));
    }

    void run()
    {
        perform(options_.warmup);
        meter_.begin();
        perform(options_.requests);
        meter_.end(handles_[0]->result.right());
    }

private:
    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known)
    {
        auto& l = *static_cast<loop*>(self);
        epoll_event event{};
        event.data.fd = fd;
        event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
        if (what == CURL_POLL_REMOVE) {
            epoll_ctl(l.epoll_, EPOLL_CTL_DEL, fd, &event);
            curl_multi_assign(l.multi_, fd, nullptr);
        } else {
            epoll_ctl(l.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
            curl_multi_assign(l.multi_, fd, self);
        }
        return 0;
    }
    static int on_timer(CURLM*, long milliseconds, void* self)
    {
        static_cast<loop*>(self)->timeout_ = milliseconds;
        return 0;
    }

    void start(bench::curl_handle& h)
    {
        h.started = meter_.now();
        h.prepare(next_++);
        curl_multi_add_handle(multi_, h.easy);
    }

    void perform(long count)
    {
        next_ = 0;
        long done = 0;
        for (auto& h : handles_)
            if (next_ < count)
                start(*h);
        epoll_event events[64];
        while (done < count) {
            int running = 0;
            const int n = timeout_ == 0 ? 0 : epoll_wait(epoll_, events, 64, static_cast<int>(timeout_));
            if (n == 0) {
                timeout_ = -1;
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            for (int i = 0; i < n; ++i)
                curl_multi_socket_action(multi_, events[i].data.fd,
                                         (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                             (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
                                         &running);
            int left = 0;
            while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
                bench::curl_handle* h = nullptr;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &h);
                const CURLcode code = message->data.result;
                curl_multi_remove_handle(multi_, h->easy);
                h->finish(code);
                meter_.add(h->started);
                ++done;
                if (next_ < count)
                    start(*h);
            }
        }
    }

    bench::options options_;
    bench::meter meter_;
    CURLM* multi_;
    int epoll_ = -1;
    long timeout_ = -1;
    long next_ = 0;
    std::vector<std::unique_ptr<bench::curl_handle>> handles_;
};

} // namespace

int main(int argc, char** argv)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    loop(bench::parse(argc, argv)).run();
}
