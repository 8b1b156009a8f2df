#include "flow/version_at.hpp"

namespace stepcast::flow {

aio::awaitable<result<std::optional<event::Version>>> version_at(store::EventStore& store,
                                                                 const event::Category& category,
                                                                 std::string stream_id, Timestamp at,
                                                                 TimeOf time_of) {
    const auto info = co_await store.stream_info(category, stream_id);
    if (!info) co_return tl::unexpected{info.error()};
    if (info->version == 0) co_return std::nullopt;
    event::Version had = 0, beyond = info->version + 1;  // the one is not later than `at`, the other is
    while (beyond - had > 1) {
        const auto middle = had + (beyond - had) / 2;
        const auto page =
            co_await store.read_stream(category, stream_id, {store::Range::By::version, middle, middle, 1});
        if (!page) co_return tl::unexpected{page.error()};
        if (page->events.empty()) co_return fail(store::errc::trimmed);
        const auto time = time_of(*page->events.front());
        if (!time) co_return tl::unexpected{time.error()};
        (*time <= at ? had : beyond) = middle;
    }
    co_return had;
}

}  // namespace stepcast::flow
