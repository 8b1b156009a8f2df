#include "event/spans.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "base/random.hpp"
#include "event/trace.hpp"

namespace stepcast::event {
namespace {

// The wall clock of the machine: collectors lay spans of many processes beside each other.
Span::Time now() {
    return std::chrono::time_point_cast<Span::Time::duration>(std::chrono::system_clock::now());
}

std::string new_id() {
    auto id = random_u64();
    while (id == 0) id = random_u64();
    return fmt::format("{:016x}", id);
}

bool collected() {
    return span_sink.load(std::memory_order_relaxed) != nullptr;
}

bool sampled(const TraceParent& trace) {
    constexpr std::string_view odd = "13579bdf";
    return odd.find(trace.flags.back()) != std::string_view::npos;
}

}  // namespace

void OpenSpan::end() {
    const auto span = std::move(span_);
    if (!span) return;
    auto* sink = span_sink.load(std::memory_order_acquire);
    if (sink == nullptr) return;
    span->end = std::max(span->start, now());
    sink->take(std::move(*span));
}

OpenSpan OpenSpan::within(std::string_view traceparent, Span::Kind kind) {
    if (!collected()) return {};
    const auto above = read_traceparent(traceparent);
    if (!above || !sampled(*above)) return {};
    return OpenSpan{std::make_unique<Span>(Span{.trace_id = std::string{above->trace_id},
                                                .id = new_id(),
                                                .parent_id = std::string{above->parent_id},
                                                .name = {},
                                                .kind = kind,
                                                .start = now()})};
}

OpenSpan OpenSpan::first(Span::Kind kind) {
    if (!collected()) return {};
    return OpenSpan{std::make_unique<Span>(Span{.trace_id = new_id() + new_id(),
                                                .id = new_id(),
                                                .parent_id = {},
                                                .name = {},
                                                .kind = kind,
                                                .start = now()})};
}

std::string OpenSpan::traceparent() const {
    return span_ ? fmt::format("00-{}-{}-01", span_->trace_id, span_->id) : std::string{};
}

void OpenSpan::call(std::string name) {
    if (span_) span_->name = std::move(name);
}

void OpenSpan::add(std::string_view name, Span::Value value) {
    if (span_) span_->attributes.emplace_back(name, std::move(value));
}

void OpenSpan::fail() {
    if (span_) span_->failed = true;
}

std::string pass_on(std::string_view traceparent) {
    if (!collected()) return next_hop(traceparent);
    return std::string{read_traceparent(traceparent) ? traceparent : ""};
}

}  // namespace stepcast::event
