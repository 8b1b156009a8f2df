#include "domain/shop/http_provider.hpp"

#include <asio/experimental/awaitable_operators.hpp>
#include <asio/io_context.hpp>

#include "aio/spawn.hpp"
#include "client/http_client.hpp"
#include "domain/object.hpp"

namespace stepcast::shop {
namespace {

constexpr std::size_t longest_answer = 64 * 1024;

bool leaves_open(int status) {
    return status < 200 || status >= 500 || status == 408 || status == 409 || status == 425 || status == 429;
}

bool is_done(int status) {
    return status >= 200 && status < 300;
}

}  // namespace

HttpProvider::HttpProvider(asio::io_context& io, Options options)
    : strand_{asio::make_strand(io)}, options_{std::move(options)} {}

aio::awaitable<PaymentProvider::Answer> HttpProvider::charge(Charge charge, Duration patience,
                                                             aio::Stop& stop) {
    std::string body;
    domain::Object{body}
        .text("key", charge.key)
        .number("amount", charge.amount)
        .maybe("paymentMethod", charge.method)
        .end();
    const auto status = co_await ask("/charges", "charge-" + charge.key, std::move(body), patience, stop);
    if (leaves_open(status)) co_return Answer::silence;
    co_return is_done(status) ? Answer::charged : Answer::declined;
}

aio::awaitable<bool> HttpProvider::refund(std::string key, Duration patience, aio::Stop& stop) {
    std::string body;
    domain::Object{body}.text("key", key).end();
    co_return is_done(co_await ask("/refunds", "refund-" + key, std::move(body), patience, stop));
}

aio::awaitable<int> HttpProvider::ask(std::string path, std::string key, std::string body, Duration patience,
                                      aio::Stop& stop) {
    using namespace asio::experimental::awaitable_operators;
    co_return co_await aio::run_on(
        strand_,
        [this, path = std::move(path), key = std::move(key), body = std::move(body), patience,
         &stop]() -> aio::awaitable<int> {
            client::HttpClient http{strand_,
                                    options_.url,
                                    {.connect = patience, .answer = patience, .body = longest_answer},
                                    options_.trust};
            client::Headers headers{
                {"User-Agent", "stepcast"}, {"Connection", "close"}, {"Idempotency-Key", key}};
            auto first = co_await (
                http.post(options_.url.target_of(path), body, "application/json", std::move(headers)) ||
                stop.pause(patience));
            if (first.index() == 1) co_return 0;
            const auto& answer = std::get<0>(first);
            co_return answer ? answer->status : 0;
        });
}

}  // namespace stepcast::shop
