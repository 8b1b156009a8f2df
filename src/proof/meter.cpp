#include "proof/meter.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace stepcast::proof {
namespace {

double milliseconds(std::uint32_t us) {
    return static_cast<double>(us) / 1000;
}

/// The position of an id `epoch.position`; 0 for ids of another shape.
std::uint64_t position_of(std::string_view id) {
    const auto dot = id.rfind('.');
    return dot == id.npos ? 0 : parse_number<std::uint64_t>(id.substr(dot + 1)).value_or(0);
}

}  // namespace

Meter::Meter(Run& run, std::uint32_t users, std::uint32_t clients)
    : run_{run}, users_{users}, streams_(clients), expected_(users) {
    for (std::uint32_t i = 0; i < clients; ++i) ++expected_[i % users].streams;
}

std::uint64_t Meter::expect(std::uint32_t user, std::uint64_t now) {
    const std::uint64_t sequence = published_at_.size();
    auto& expected = expected_[user];
    ++expected.events;
    expected.sum += sequence;
    published_at_.push_back(now);
    remaining_.push_back(expected.streams);
    return sequence;
}

void Meter::leave_out(std::uint32_t subscriber) {
    auto& stream = streams_[subscriber];
    if (stream.left_out) return;
    stream.left_out = true;
    --expected_[subscriber % users_].streams;
}

void Meter::forget_figures() {
    deliveries_ = 0;
    completed_ = 0;
    latencies_us_.clear();
}

void Meter::on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    auto& stream = streams_[subscriber.index()];
    if (frame.data.empty() || stream.left_out) return;
    if (frame.event == "recovery") {
        // On a fresh connect the state stands for the events that came before.
        stream.version = std::max(stream.version, find_number(frame.data, "\"version\"").value_or(0));
        return;
    }
    const auto sequence = run_.payloads.sequence_of(frame.data);
    if (!sequence || *sequence >= published_at_.size()) return;
    ++stream.events;
    stream.sum += *sequence;
    ++deliveries_;
    check_order(stream, frame);
    if (keep_latencies_)
        latencies_us_.push_back(static_cast<std::uint32_t>((now - published_at_[*sequence]) / 1000));
    if (--remaining_[*sequence] == 0) {
        ++completed_;
        if (on_complete_) on_complete_(*sequence);
    }
}

void Meter::check_order(Stream& stream, const FrameView& frame) {
    if (const auto position = position_of(frame.id); position != 0) {
        if (position <= stream.position) ++out_of_order_;
        stream.position = position;
    }
    // Ours begins with the version; the floor and other servers have none.
    constexpr std::string_view head = "{\"version\":";
    if (!frame.data.starts_with(head)) return;
    const auto version = find_number(frame.data.substr(0, 40), "\"version\"").value_or(0);
    if (version != stream.version + 1) ++gaps_;
    stream.version = version;
}

void Meter::on_closed(Subscriber&, int) {
    ++closed_;
}

bool Meter::judge(Figures& figures) const {
    std::uint64_t lost = 0;
    std::uint64_t twice = 0;
    std::uint64_t other = 0;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        const auto& got = streams_[i];
        const auto& due = expected_[i % users_];
        if (got.left_out) continue;
        lost += due.events > got.events ? due.events - got.events : 0;
        twice += got.events > due.events ? got.events - due.events : 0;
        if (got.events == due.events && got.sum != due.sum) ++other;
    }
    figures["lost"] = lost;
    figures["twice"] = twice + other;
    figures["gaps"] = gaps_;
    figures["out_of_order"] = out_of_order_;
    figures["closed_by_server"] = closed_;
    return lost + twice + other + gaps_ + out_of_order_ + closed_ == 0;
}

void Meter::report_latencies(Figures& figures) {
    if (latencies_us_.empty()) return;
    std::sort(latencies_us_.begin(), latencies_us_.end());
    const auto at = [&](std::size_t percent) {
        return milliseconds(
            latencies_us_[std::min(latencies_us_.size() - 1, latencies_us_.size() * percent / 100)]);
    };
    figures["latency_p50_ms"] = at(50);
    figures["latency_p99_ms"] = at(99);
    figures["latency_max_ms"] = milliseconds(latencies_us_.back());
}

}  // namespace stepcast::proof
