#include "domain/shop/module.hpp"

#include "domain/shop/answers.hpp"
#include "domain/shop/order_codec.hpp"

namespace stepcast::shop {
namespace {

constexpr std::array<const event::Category*, 1> categories{&order_category};

class ShopModule final : public domain::Module {
  public:
    explicit ShopModule(const domain::Parts& parts) : parts_{parts} {}

    std::vector<bus::TopicSpec> topics() const override { return {}; }
    std::vector<http::Route> routes() override { return {}; }
    std::vector<flow::Projection*> projections() override { return {}; }
    aio::awaitable<void> restore() override { co_return; }
    void start() override {}
    aio::awaitable<void> stop() override { co_return; }
    void add_failing(std::vector<std::string_view>&) const override {}
    void read_metrics(MetricSink&) const override {}
    void read_monitor(boost::json::object&) const override {}

    aio::awaitable<result<std::optional<std::string>, http::Response>> state_of(
        const event::Category&, std::string stream_id, event::Version version) override {
        flow::AggregateReader reader{parts_.store, order_kind()};
        const auto loaded = co_await reader.load(stream_id, version);
        if (!loaded) co_return tl::unexpected{answer_for(loaded.error())};
        const auto& state = static_cast<const OrderAggregate&>(*loaded->state);
        if (state.broken()) co_return tl::unexpected{answer_for(Error{errc::unreadable})};
        co_return encode_order(stream_id, state.order(), loaded->version);
    }

  private:
    const domain::Parts parts_;
};

}  // namespace

domain::ModuleSpec module_spec() {
    return {categories, [](const domain::Parts& parts) { return std::make_unique<ShopModule>(parts); },
            check_stored_order};
}

}  // namespace stepcast::shop
