#include "proof/load/recorder.hpp"

#include "base/text.hpp"

namespace stepcast::proof {

std::uint64_t position_of(std::string_view id) {
    const auto dot = id.rfind('.');
    return dot == id.npos ? 0 : parse_number<std::uint64_t>(id.substr(dot + 1)).value_or(0);
}

Recorder::Recorder(Run& run, std::uint32_t users, std::uint32_t clients) : run_{run}, logs_(clients) {
    for (std::uint32_t i = 0; i < clients; ++i) logs_[i].tasks = {i % users};
}

std::uint64_t Recorder::publish(std::uint32_t user, bool milestone, std::uint64_t now) {
    published_.push_back({.task = user, .milestone = milestone});
    published_at_.push_back(now);
    return published_.size() - 1;
}

void Recorder::answered(std::uint64_t sequence, int status) {
    const bool ok = status >= 200 && status < 300;
    published_[sequence].acknowledged = ok;
    ++(ok ? acknowledged_ : refused_);
}

void Recorder::on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    const auto index = subscriber.index();
    if (frame.event == "progress") {
        record_event(index, frame, now);
    } else if (frame.event == "recovery") {
        const auto user = run_.payloads.user_of(frame.data);
        const auto version = find_number(frame.data, "\"version\"");
        if (user && version)
            logs_[index].seen.push_back({.kind = Seen::Kind::recovery, .task = *user, .version = *version});
    } else if (frame.event == "reset") {
        ++resets_;
        logs_[index].seen.push_back({.kind = Seen::Kind::reset});
    }
}

void Recorder::record_event(std::uint32_t index, const FrameView& frame, std::uint64_t now) {
    const auto user = run_.payloads.user_of(frame.data);
    if (!user) return;
    auto& log = logs_[index];
    Seen seen{.kind = Seen::Kind::event, .task = *user, .position = position_of(frame.id)};
    seen.version = find_number(frame.data, "\"version\"").value_or(0);
    if (const auto sequence = run_.payloads.sequence_of(frame.data);
        sequence && *sequence < published_.size()) {
        seen.event = static_cast<std::uint32_t>(*sequence);
        if (!log.stalled) latencies_.add(now - published_at_[*sequence]);
        if (*sequence >= finale_) ++finished_;
    }
    ++deliveries_;
    log.seen.push_back(seen);
}

void Recorder::on_closed(Subscriber& subscriber, int status) {
    ++closed_count_;
    if (status != 200 && status != 0) ++refused_streams_;
    closed_.push_back(&subscriber);
}

}  // namespace stepcast::proof
