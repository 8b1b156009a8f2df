#include "domain/bank/module.hpp"

#include "domain/bank/answers.hpp"
#include "domain/bank/api.hpp"
#include "domain/bank/codec.hpp"
#include "domain/bank/routes.hpp"
#include "domain/bank/transfer_routes.hpp"
#include "domain/rebuild.hpp"

namespace stepcast::bank {
namespace {

constexpr std::array<const event::Category*, 2> categories{&category, &transfer_category};

result<void> check_stored(const event::Event& draft) {
    return &draft.category() == &category ? check_stored_account(draft) : check_stored_transfer(draft);
}

class BankModule final : public domain::Module {
  public:
    BankModule(const domain::Parts& parts, const Accounts::Options& accounts,
               const Transfers::Options& transfers)
        : parts_{parts},
          accounts_{parts_, accounts},
          transfers_{parts_, accounts_, transfers},
          progress_topic_{transfers.progress_topic},
          rebuild_{parts_,
                   accounts_.projection().refoldable(),
                   {.projection = "bank", .label = "계좌", .progress_topic = progress_topic_}} {
        accounts_.begin_at_snapshots(true);
    }

    std::vector<bus::TopicSpec> topics() const override {
        return {{accounts_.options().events_topic}, {accounts_.options().snapshots_topic, 0, true}};
    }
    std::vector<domain::TopicInfo> topic_infos() const override {
        return {api::events_topic(accounts_.options().events_topic),
                api::snapshots_topic(accounts_.options().snapshots_topic)};
    }
    std::vector<std::string> owes() const override {
        return {accounts_.options().events_topic, accounts_.options().snapshots_topic, progress_topic_};
    }
    std::vector<http::Route> routes() override {
        auto routes = account_routes(accounts_, transfers_, parts_.hub, parts_.core);
        routes.push_back(rebuild_.route(
            "Fold all accounts anew, compare them with those that are shown, and show the new ones"));
        for (auto& route : transfer_routes(transfers_)) routes.push_back(std::move(route));
        return routes;
    }
    std::vector<flow::ProcessManager*> sagas() override { return {&transfers_.sagas()}; }
    std::vector<flow::Projection*> projections() override { return {&accounts_.projection()}; }

    aio::awaitable<void> restore() override {
        accounts_.begin_at_snapshots(false);
        co_return;
    }
    void start() override { transfers_.start(); }
    aio::awaitable<void> stop() override {
        co_await rebuild_.stop();
        co_await transfers_.stop();
        co_await accounts_.stop();
    }

    void add_failing(std::vector<std::string_view>& parts) const override {
        if (accounts_.projection().skipped() != 0) parts.push_back("bank");
    }
    void read_metrics(MetricSink& sink) const override {
        const auto& projection = accounts_.projection();
        sink.gauge("stepcast_accounts", "Accounts, closed ones too",
                   static_cast<double>(projection.ledger().size()));
        sink.gauge(
            "stepcast_projection_lag_events", "Events stored and not yet folded",
            static_cast<double>(parts_.store.head() - std::min(parts_.store.head(), projection.applied())),
            {{"projection", "bank"}});
        sink.counter("stepcast_account_events_skipped_total",
                     "Events of accounts that cannot be read: balances are wrong, the node is not ready",
                     static_cast<double>(projection.skipped()));
        const auto snapshots = [&](std::string_view result, std::uint64_t count) {
            sink.counter("stepcast_snapshots_total", "Snapshots: saved, failed, or read and ignored",
                         static_cast<double>(count), {{"result", result}});
        };
        snapshots("saved", accounts_.snapshots().saved);
        snapshots("failed", accounts_.snapshots().failed);
        snapshots("ignored", accounts_.snapshots_ignored());
        rebuild_.read_metrics(sink);
        transfers_.sagas().read_metrics(sink);
        upcasters().read_metrics(sink);
    }
    aio::awaitable<result<std::optional<std::string>, http::Response>> state_of(
        const event::Category& asked, std::string stream_id, event::Version version) override {
        if (&asked == &category) {
            const auto view = co_await accounts_.view(stream_id, {.version = version});
            if (!view) co_return tl::unexpected{answer_for(view.error())};
            co_return encode_state(stream_id, view->account, version);
        }
        flow::AggregateReader reader{parts_.store, transfer_kind()};
        const auto loaded = co_await reader.load(stream_id, version);
        if (!loaded) co_return tl::unexpected{answer_for(loaded.error())};
        const auto& state = static_cast<const TransferAggregate&>(*loaded->state);
        if (state.broken()) co_return tl::unexpected{answer_for(Error{errc::unreadable})};
        co_return encode_transfer(stream_id, state.transfer(), loaded->version);
    }
    void read_monitor(boost::json::object& whole) const override {
        whole["accounts"] = accounts_.projection().ledger().size();
    }

  private:
    const domain::Parts parts_;
    Accounts accounts_;
    Transfers transfers_;
    const std::string progress_topic_;
    domain::Rebuild rebuild_;
};

}  // namespace

domain::ModuleSpec module_spec(Accounts::Options accounts, Transfers::Options transfers) {
    return {categories,
            [accounts = std::move(accounts), transfers = std::move(transfers)](const domain::Parts& parts) {
                return std::make_unique<BankModule>(parts, accounts, transfers);
            },
            check_stored};
}

}  // namespace stepcast::bank
