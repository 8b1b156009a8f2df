#include "domain/bank/module.hpp"

#include "domain/bank/routes.hpp"

namespace stepcast::bank {
namespace {

constexpr std::array<const event::Category*, 1> categories{&category};

class BankModule final : public domain::Module {
  public:
    BankModule(const domain::Parts& parts, const Accounts::Options& options)
        : parts_{parts}, accounts_{parts, options} {}

    std::vector<bus::TopicSpec> topics() const override {
        return {{accounts_.options().events_topic}, {accounts_.options().snapshots_topic, 0, true}};
    }
    std::vector<std::string> owes() const override {
        return {accounts_.options().events_topic, accounts_.options().snapshots_topic};
    }
    std::vector<http::Route> routes() override { return account_routes(accounts_, parts_.hub, parts_.core); }
    std::vector<flow::Projection*> projections() override { return {&accounts_.projection()}; }

    aio::awaitable<void> restore() override { co_return; }
    void start() override {}
    aio::awaitable<void> stop() override { return accounts_.stop(); }

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
        sink.counter("stepcast_account_snapshots_ignored_total",
                     "Snapshots of accounts that were damaged or of another schema",
                     static_cast<double>(accounts_.snapshots_ignored()));
    }
    void read_monitor(boost::json::object& whole) const override {
        whole["accounts"] = accounts_.projection().ledger().size();
    }

  private:
    const domain::Parts parts_;
    Accounts accounts_;
};

}  // namespace

domain::ModuleSpec module_spec(Accounts::Options options) {
    return {categories,
            [options = std::move(options)](const domain::Parts& parts) {
                return std::make_unique<BankModule>(parts, options);
            },
            check_stored_account};
}

}  // namespace stepcast::bank
