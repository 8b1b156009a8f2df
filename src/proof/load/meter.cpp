#include "proof/load/meter.hpp"

#include <algorithm>

#include "proof/load/recorder.hpp"

namespace stepcast::proof {
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

void Meter::forget_figures() {
    deliveries_ = 0;
    completed_ = 0;
    latencies_ = {};
}

void Meter::on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    auto& stream = streams_[subscriber.index()];
    if (frame.data.empty()) return;
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
    if (keep_latencies_) latencies_.add(now - published_at_[*sequence]);
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

}  // namespace stepcast::proof
