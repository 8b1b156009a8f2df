#include "broadcast/outbox.hpp"

#include <algorithm>
#include <cassert>

#include "base/hash.hpp"

namespace stepcast::broadcast {

bool Outbox::fits(std::size_t size, const OutboxLimits& limits) const {
    if (queue_->entries.empty()) return true;
    return queue_->entries.size() < limits.frames && queue_->bytes + size <= limits.bytes;
}

Outbox::Pushed Outbox::push(const event::EventRef& frame, const OutboxLimits& limits) {
    const std::size_t size = text(*frame).size();
    const bool removable = !frame->is_control() && frame->category().coalesces &&
                           frame->lifecycle() == event::Lifecycle::neutral;
    Pushed pushed;
    if (!queue_) {
        queue_ = std::make_unique<Queue>();
    } else if (!fits(size, limits)) {
        const std::uint64_t task = keyed_hash(frame->stream_id());
        while (!fits(size, limits)) {
            if (!remove_older(*frame, task)) {
                pushed.taken = false;
                return pushed;
            }
            ++pushed.coalesced;
        }
    }
    queue_->entries.push_back({frame, keyed_hash(frame->stream_id()), removable});
    queue_->bytes += size;
    return pushed;
}

bool Outbox::remove_older(const event::Event& newer, std::uint64_t task) {
    auto& entries = queue_->entries;
    const auto removable = [&](const Entry& e) {
        return e.removable && e.task == task && e.frame->same_stream(newer);
    };
    const auto begin = entries.begin() + (queue_->head_sent > 0 ? 1 : 0);
    const auto oldest = std::find_if(begin, entries.end(), removable);
    if (oldest == entries.end()) return false;
    queue_->bytes -= text(*oldest->frame).size();
    entries.erase(oldest);
    return true;
}

std::size_t Outbox::gather(std::span<iovec> out) const {
    if (!queue_) return 0;
    const std::size_t count = std::min(out.size(), queue_->entries.size());
    for (std::size_t i = 0; i < count; ++i) {
        std::string_view bytes = text(*queue_->entries[i].frame);
        if (i == 0) bytes.remove_prefix(queue_->head_sent);
        out[i] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    return count;
}

FrameCounts Outbox::consume(std::size_t bytes) {
    FrameCounts completed;
    while (bytes > 0) {
        assert(queue_ && bytes <= queue_->bytes);
        const std::size_t left = text(*queue_->entries.front().frame).size() - queue_->head_sent;
        const std::size_t sent = std::min(left, bytes);
        bytes -= sent;
        queue_->bytes -= sent;
        if (sent < left) {
            queue_->head_sent += sent;
            break;
        }
        queue_->head_sent = 0;
        completed.add(kind_of(*queue_->entries.front().frame));
        queue_->entries.pop_front();
        if (queue_->entries.empty()) queue_.reset();
    }
    return completed;
}

}  // namespace stepcast::broadcast
