#include "domain/shop/product_replica.hpp"

#include "aio/spawn.hpp"
#include "domain/shop/messages.hpp"

namespace stepcast::shop {

using Failure = flow::Consumer::Failure;

ProductReplica::ProductReplica(const domain::Parts& parts, std::string_view prefix, Catalogue& catalogue)
    : core_{parts.core},
      topic_{std::string{prefix}.append(topic::product_events)},
      catalogue_{catalogue},
      consumer_{parts.io, parts.bus, parts.dead_letters, "product replica"} {
    catalogue_.set_whole(false);
}

void ProductReplica::start() {
    consumer_.start(bus::ReplaySubscription{.topic = topic_}, *this);
}

aio::awaitable<std::vector<Failure>> ProductReplica::take(std::span<const bus::Record> records) {
    std::vector<Failure> failures;
    std::vector<ProductSetEvent> products;
    for (const auto& record : records) {
        auto read = record.value
                        ? from_json<ProductSetEvent>(*record.value)
                        : result<ProductSetEvent>{fail(errc::malformed, {}, "a record without a value")};
        if (!read)
            failures.push_back({&record, Failure::Kind::poison, std::move(read.error())});
        else
            products.push_back(std::move(*read));
    }
    co_await aio::run_on(core_, [this, &products]() -> aio::awaitable<void> {
        for (auto& [id, name, price, stock, at] : products)
            catalogue_.learn(id, {.name = std::move(name), .price = price, .stock = stock});
        co_return;
    });
    for (const auto& record : records)
        if (std::ranges::find(failures, &record, &Failure::record) == failures.end())
            consumer_.done(record.place);
    co_return failures;
}

aio::awaitable<void> ProductReplica::look() {
    if (whole_ || !consumer_.caught_up()) co_return;
    whole_ = true;
    co_await aio::run_on(core_, [this]() -> aio::awaitable<void> {
        catalogue_.set_whole(true);
        co_return;
    });
}

}  // namespace stepcast::shop
