#include "flow/inbox.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace stepcast::flow {
namespace {

std::string in_hours(Duration duration) {
    return fmt::format("{:.1f} h", std::chrono::duration<double, std::ratio<3600>>(duration).count());
}

}  // namespace

store::InboxMark Inbox::mark(std::string_view message_id) const {
    return {consumer_, std::string{message_id}, clock_.now() + keep_};
}

aio::awaitable<result<bool>> Inbox::handled(std::string_view message_id) {
    const auto mark = co_await store_.handled(consumer_, message_id);
    if (!mark) co_return tl::unexpected{mark.error()};
    if (*mark) duplicates_.fetch_add(1, std::memory_order_relaxed);
    co_return mark->has_value();
}

aio::awaitable<result<void>> check_retention(bus::MessageBus& bus, std::vector<std::string> topics,
                                             Duration keep) {
    for (const auto& topic : topics) {
        const auto kept = co_await bus.retention(topic);
        if (!kept) co_return tl::unexpected{kept.error()};
        if (!*kept) {
            spdlog::warn(
                "{} keeps its records without end (retention.ms): one that comes again after {} is handled "
                "again (inbox.keep)",
                topic, in_hours(keep));
        } else if (**kept >= keep) {
            co_return fail(
                bus::errc::unfit, {},
                fmt::format(
                    "{} keeps its records for {} (retention.ms), and what was handled is remembered for "
                    "{} only: set inbox.keep above that, or the topic's retention below",
                    topic, in_hours(**kept), in_hours(keep)));
        }
    }
    co_return result<void>{};
}

}  // namespace stepcast::flow
