#include "client/lookup.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <mutex>
#include <optional>
#include <thread>

#include "aio/notice.hpp"
#include "client/errc.hpp"

namespace stepcast::client {
namespace {

using asio::ip::tcp;

}  // namespace

/// What wakes a `find`, in whose frame it lives: nothing of asio may be left to the thread.
struct Lookup::Waiter {
    const asio::any_io_executor& strand;
    aio::Notice notice{strand};
    bool cancelled = false;
};

/// Shared with the thread.
struct Lookup::Search {
    Search(std::string of_host, std::uint16_t of_port) : host{std::move(of_host)}, port{of_port} {}

    const std::string host;
    const std::uint16_t port;
    std::mutex mutex;
    std::optional<result<Endpoints>> found;
    Waiter* waiter = nullptr;

    bool is_over() {
        const std::lock_guard lock{mutex};
        return found.has_value();
    }
    void wait_by(Waiter* by) {
        const std::lock_guard lock{mutex};
        waiter = by;
    }
    void wake() {
        const std::lock_guard lock{mutex};
        if (waiter != nullptr) waiter->notice.notify();
    }
};

result<Lookup::Endpoints> Lookup::find_by_system(const std::string& host, std::uint16_t port) {
    asio::io_context context;
    asio::error_code error;
    const auto found = tcp::resolver{context}.resolve(host, std::to_string(port), error);
    if (error) return fail(errc::unreachable, {}, host + ": " + error.message());
    Endpoints endpoints;
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
    return endpoints;
}

result<void> Lookup::begin(const std::string& host, std::uint16_t port) {
    search_ = std::make_shared<Search>(host, port);
    try {
        std::thread{[search = search_, find = find_] {
            auto found = find(search->host, search->port);
            const std::lock_guard lock{search->mutex};
            search->found = std::move(found);
            // While it waits its context lives.
            if (search->waiter != nullptr) asio::post(search->waiter->strand, [search] { search->wake(); });
        }}.detach();
    } catch (const std::system_error& error) {
        search_.reset();
        return fail(errc::unreachable, {}, host + ": " + error.what());
    }
    return {};
}

aio::awaitable<result<Lookup::Endpoints>> Lookup::find(const std::string& host, std::uint16_t port,
                                                       std::chrono::steady_clock::time_point end) {
    asio::error_code no_address;
    if (const auto address = asio::ip::make_address(host, no_address); !no_address)
        co_return Endpoints{{address, port}};
    const bool goes_on = search_ && search_->host == host && search_->port == port && !search_->is_over();
    if (!goes_on)
        if (auto begun = begin(host, port); !begun) co_return tl::unexpected{std::move(begun.error())};
    const auto search = search_;
    Waiter waiter{strand_};
    search->wait_by(&waiter);
    struct Leave {
        Search& search;
        ~Leave() { search.wait_by(nullptr); }
    } leave{*search};
    while (!search->is_over()) {
        const auto left = end - std::chrono::steady_clock::now();
        if (left <= left.zero() || !co_await waiter.notice.wait(left) || waiter.cancelled)
            co_return fail(errc::timed_out, {}, host + " could not be resolved in time");
    }
    if (search_ == search) search_.reset();
    co_return std::move(*search->found);
}

void Lookup::cancel() {
    if (!search_) return;
    const std::lock_guard lock{search_->mutex};
    if (search_->waiter == nullptr) return;
    search_->waiter->cancelled = true;
    search_->waiter->notice.notify();
}

}  // namespace stepcast::client
