#include <fmt/format.h>

#include <chrono>
#include <string>
#include <unordered_map>

#include "base/time.hpp"
#include "event/json.hpp"
#include "proof/load/latencies.hpp"
#include "proof/load/run.hpp"
#include "proof/load/swarm.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t shop_patience = 120 * second_ns;
constexpr std::uint32_t pieces = 100'000'000;
constexpr std::size_t most_looked_up = 500;

std::int64_t wall_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// Follows the customers' tasks: each order is one of the order's own name.
class OrderWatch final : public SwarmSink {
  public:
    std::uint64_t ended() const { return ended_; }
    std::uint64_t confirmed() const { return confirmed_; }
    Latencies& completion() { return completion_; }

    void on_frame(Subscriber&, const FrameView& frame, std::uint64_t now) override {
        const auto type = find_text(frame.data, "\"eventType\"");
        if (type.empty()) return;
        const std::string task{find_text(frame.data, "\"taskId\"")};
        seen_at_.try_emplace(std::string{find_text(frame.data, "\"eventId\"")}, wall_ms());
        if (type == "STARTED") started_at_.try_emplace(task, now);
        if (type != "COMPLETED" && type != "FAILED") return;
        ++ended_;
        if (type != "COMPLETED") return;
        ++confirmed_;
        if (const auto started = started_at_.find(task); started != started_at_.end())
            completion_.add(now - started->second);
    }
    void on_closed(Subscriber&, int) override {}

    /// From the commits of some orders' events, as the server tells their times, to what the customer saw.
    Latencies from_commit(const Run& run) const {
        Latencies all;
        std::size_t looked_up = 0;
        for (const auto& [task, started] : started_at_) {
            if (++looked_up > most_looked_up) break;
            const auto answer = fetch(run.url, "/api/streams/order-" + task);
            if (!answer || !answer->ok()) continue;
            const auto events = event::parse_json(answer->body);
            if (!events || !events->is_array()) continue;
            for (const auto& one : events->as_array()) {
                const auto seen = seen_at_.find(std::string{one.at("eventId").as_string()});
                const auto at = parse_rfc3339(one.at("recordedAt").as_string());
                if (seen == seen_at_.end() || !at) continue;
                const auto ms = std::max<std::int64_t>(0, seen->second - at->time_since_epoch().count());
                all.add(static_cast<std::uint64_t>(ms) * millisecond_ns);
            }
        }
        return all;
    }

  private:
    std::uint64_t ended_ = 0;
    std::uint64_t confirmed_ = 0;
    std::unordered_map<std::string, std::uint64_t> started_at_;  // by task
    std::unordered_map<std::string, std::int64_t> seen_at_;      // by event
    Latencies completion_;
};

/// Orders of one customer after the other, each of the next product.
class Orders {
  public:
    explicit Orders(Run& run)
        : run_{run},
          publisher_{run.loop, run.target, run.options.in_flight,
                     [this](std::uint64_t sent_at, int status) { answered(sent_at, status); }} {}

    /// False if a product could not be set.
    bool fill_shelves() {
        std::uint64_t refused = 0;
        Publisher publisher{run_.loop, run_.target, 16,
                            [&](std::uint64_t, int status) { refused += status != 200; }};
        for (std::uint32_t i = 1; i <= run_.options.users; ++i)
            publisher.put(fmt::format("/api/products/{}", i),
                          fmt::format(R"({{"name":"product {}","price":100,"stock":{}}})", i, pieces), i);
        return run_.loop.run_until(shop_patience, [&] { return publisher.waiting() == 0; }) && refused == 0;
    }

    /// At the rate of the run, or as fast as its connections are answered. Returns with all answers.
    bool run_for(std::uint64_t limit_ns) {
        const auto until = now_ns() + limit_ns;
        const auto interval = second_ns / std::max(run_.options.rate, 1u);
        auto next_at = now_ns();
        const auto post_due = [&] {
            if (run_.options.rate == 0)
                while (publisher_.waiting() < run_.options.in_flight) post();
            else
                for (; next_at <= now_ns(); next_at += interval) post();
            return now_ns() >= until || refused_ > 0;
        };
        run_.loop.run_until(limit_ns + second_ns, post_due, millisecond_ns / 2);
        return run_.loop.run_until(shop_patience, [&] { return publisher_.waiting() == 0; }) && refused_ == 0;
    }

    std::uint64_t accepted() const { return accepted_; }
    Latencies& acceptance() { return acceptance_; }

  private:
    void post() {
        const auto number = turn_++;
        publisher_.post(
            "/api/orders",
            fmt::format(
                R"({{"userId":"{}","paymentMethod":"CARD","orderItems":[{{"productId":{},"quantity":1}}]}})",
                run_.payloads.user(static_cast<std::uint32_t>(number % run_.options.clients)),
                1 + number % run_.options.users),
            now_ns());
    }

    void answered(std::uint64_t sent_at, int status) {
        acceptance_.add(now_ns() - sent_at);
        if (status == 202)
            ++accepted_;
        else
            ++refused_;
    }

    Run& run_;
    std::uint64_t turn_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
    Latencies acceptance_;
    Publisher publisher_;
};

}  // namespace

Figures bench_orders(Run& run) {
    const auto& options = run.options;
    if (options.clients == 0 || options.users == 0) return failure("there is no customer, or no product");
    Orders orders{run};
    if (!orders.fill_shelves()) return failure("a product was refused");
    OrderWatch watch;
    Swarm swarm{run.loop, run.target, watch};
    for (std::uint32_t i = 0; i < options.clients; ++i)
        swarm.add(fill(options.subscribe, run.payloads.user(i)));
    if (!swarm.open_all(shop_patience)) return failure("not every stream began");
    const auto all_end = [&] {
        return run.loop.run_until(shop_patience, [&] { return watch.ended() >= orders.accepted(); });
    };
    if (!orders.run_for(second_ns) || !all_end()) return failure("an order of the warm-up did not end");

    orders.acceptance() = {};
    watch.completion() = {};
    const auto before = orders.accepted();
    const auto confirmed = watch.confirmed();
    const auto cpu = run.probe.cpu_ns();
    const auto start = now_ns();
    const bool whole = orders.run_for(static_cast<std::uint64_t>(options.seconds * 1e9));
    const auto accepting = static_cast<double>(now_ns() - start) / 1e9;
    const bool ended = whole && all_end();
    const auto wall = static_cast<double>(now_ns() - start) / 1e9;
    const auto used = static_cast<double>(run.probe.cpu_ns() - cpu) / 1e9;
    const auto count = static_cast<double>(orders.accepted() - before);
    auto seen = watch.from_commit(run);

    Figures out;
    out["customers"] = options.clients;
    out["products"] = options.users;
    out["orders"] = orders.accepted() - before;
    out["accepted_per_second"] = count / accepting;
    out["confirmed_per_second"] = static_cast<double>(watch.confirmed() - confirmed) / wall;
    out["acceptance_p50_ms"] = orders.acceptance().at(50);
    out["acceptance_p99_ms"] = orders.acceptance().at(99);
    out["completion_p50_ms"] = watch.completion().at(50);
    out["completion_p99_ms"] = watch.completion().at(99);
    out["seen_p50_ms"] = seen.at(50);
    out["seen_p99_ms"] = seen.at(99);
    out["server_cpu_share"] = used / wall;
    out["cpu_us_per_order"] = used * 1e6 / std::max(count, 1.0);
    if (!whole) out["error"] = "an order was refused, or not answered";
    if (whole && !ended) out["error"] = "an order did not end";
    if (watch.confirmed() != watch.ended()) out["error"] = "an order was not confirmed";
    return out;
}

}  // namespace stepcast::proof
