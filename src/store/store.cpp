#include "store/store.hpp"

namespace stepcast::store {

awaitable<result<EventRef>> EventStore::find_event(const Category& category, std::string_view stream_id,
                                                   std::string_view event_id) {
    EventRef found;
    if (auto read = co_await find_events(category, stream_id, {&event_id, 1}, {&found, 1}); !read)
        co_return tl::unexpected{std::move(read.error())};
    co_return found;
}

}  // namespace stepcast::store
