#include "domain/topics/trace_index.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace stepcast::topics {
namespace {

constexpr std::uint64_t item_cost = 256;  // bookkeeping, so that empty ones are bounded too

std::uint64_t cost_of(std::string_view correlation_id, const Traced& item) {
    if (const auto* event = std::get_if<StoredEvent>(&item.what))
        return item_cost + correlation_id.size() + event->stream_id.size();
    const auto& seen = std::get<SeenMessage>(item.what);
    return item_cost + correlation_id.size() + seen.topic.size() + seen.key.size() + seen.value.size() +
           seen.type.size() + seen.id.size() + seen.causation_id.size() + seen.traceparent.size() +
           seen.service.size();
}

}  // namespace

void TraceIndex::add(std::string_view correlation_id, Traced item, Timestamp now) {
    forget(now);
    if (item.at < now - options_.keep) return;
    const auto row = rows_.try_emplace(std::string{correlation_id}).first;
    auto& [items, truncated] = row->second;
    const auto bytes = cost_of(correlation_id, item);
    if (items.size() >= options_.max_items || bytes > options_.max_bytes) {
        truncated = true;
        ++dropped_;
        if (items.empty()) rows_.erase(row);
        return;
    }
    items.push_back(order_.insert(order_.end(), {&*row, std::move(item), bytes}));
    bytes_ += bytes;
    while (bytes_ > options_.max_bytes) {
        ++dropped_;
        drop_first();
    }
}

std::optional<TraceIndex::Trace> TraceIndex::find(std::string_view correlation_id, Timestamp now) {
    forget(now);
    const auto row = rows_.find(correlation_id);
    if (row == rows_.end()) return std::nullopt;
    Trace trace{.items = {}, .truncated = row->second.truncated};
    for (const auto& entry : row->second.items) trace.items.push_back(entry->item);
    return trace;
}

void TraceIndex::clear() {
    order_.clear();
    rows_.clear();
    bytes_ = 0;
}

// The first of all is the first of its trace.
void TraceIndex::drop_first() {
    const auto& first = order_.front();
    bytes_ -= first.bytes;
    auto& [items, truncated] = first.row->second;
    items.erase(items.begin());
    truncated = true;
    if (items.empty()) rows_.erase(rows_.find(first.row->first));
    order_.pop_front();
}

void TraceIndex::forget(Timestamp now) {
    while (!order_.empty() && order_.front().item.at < now - options_.keep) drop_first();
}

void sort_rows(std::vector<TraceRow>& rows) {
    std::unordered_map<std::string_view, std::size_t> by_id;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!rows[i].id.empty()) by_id.try_emplace(rows[i].id, i);
    // How many causes of the same time stand before it; a circle ends it, and so does a chain longer than
    // all.
    const auto depth = [&](std::size_t at) {
        std::size_t steps = 0;
        for (auto i = at; steps < rows.size(); ++steps) {
            const auto cause = by_id.find(rows[i].causation_id);
            if (cause == by_id.end() || rows[cause->second].at != rows[at].at) break;
            i = cause->second;
        }
        return steps;
    };
    std::vector<std::pair<std::size_t, std::size_t>> order;  // depth and place
    for (std::size_t i = 0; i < rows.size(); ++i) order.emplace_back(depth(i), i);
    std::ranges::sort(order, [&](const auto& a, const auto& b) {
        return std::tuple{rows[a.second].at, a.first, a.second} <
               std::tuple{rows[b.second].at, b.first, b.second};
    });
    std::vector<TraceRow> sorted;
    for (const auto& [steps, i] : order) sorted.push_back(std::move(rows[i]));
    rows = std::move(sorted);
}

}  // namespace stepcast::topics
