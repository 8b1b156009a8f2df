#include "http/paging.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>

#include "http/links.hpp"
#include "http/list_source.hpp"
#include "http/parameters.hpp"

namespace stepcast::http {
namespace {

/// Cuts what is beyond a page; one event is always left. The bytes of what stays, commas included.
std::size_t cut_to_page(std::vector<event::EventRef>& events) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const std::size_t with = bytes + events[i]->json().size() + 1;
        if (with > list_page_bytes && i != 0) {
            events.resize(i);
            break;
        }
        bytes = with;
    }
    return bytes;
}

std::string whole_list(const std::vector<event::EventRef>& events, std::size_t bytes) {
    std::string out;
    out.reserve(bytes + 2);
    out += '[';
    for (const auto& event : events) {
        if (out.size() > 1) out += ',';
        out += event->json();
    }
    return out += ']';
}

/// Exactly `left` events from `from` on. They were all there when they were counted; what has expired since
/// is missing, and the answer then ends without its end.
class CountedList final : public ListSource {
  public:
    CountedList(EventList list, ListRead first, std::uint64_t from, std::size_t left)
        : list_{std::move(list)}, read_{std::move(first)}, from_{from}, left_{left} {}

    awaitable<std::optional<ListPage>> next() override {
        if (read_.events.empty()) {
            auto read = co_await list_.read(from_, std::min(read_size_, left_));
            if (!read || read->events.empty()) co_return std::nullopt;
            read_ = std::move(*read);
        }
        ListPage page{std::move(read_.events)};
        read_.events.clear();
        if (page.events.size() > left_) page.events.resize(left_);
        cut_to_page(page.events);
        // Large events leave most of what is read unused.
        read_size_ = std::clamp<std::size_t>(2 * page.events.size(), 8, list_read_events);
        from_ = list_.number(*page.events.back()) + 1;
        left_ -= page.events.size();
        page.last = left_ == 0;
        co_return page;
    }

  private:
    EventList list_;
    ListRead read_;  // not used yet
    std::uint64_t from_;
    std::size_t left_;
    std::size_t read_size_ = list_read_events;
};

/// How far a slice reaches.
struct Extent {
    std::size_t count = 0;
    std::uint64_t next = 0;  ///< the number behind its last event
    bool more = false;
};

void add(Extent& extent, const EventList& list, const ListRead& read) {
    extent.count += read.events.size();
    extent.next = list.number(*read.events.back()) + 1;
    extent.more = read.more;
}

}  // namespace

result<Slice, Response> slice_of(const Request& request, std::size_t most) {
    auto from = optional_number(request, "from", {.min = 1});
    if (!from) return tl::unexpected{std::move(from.error())};
    const auto top = static_cast<std::int64_t>(most);
    auto limit = optional_number(request, "limit", {.min = 1, .max = top});
    if (!limit) return tl::unexpected{std::move(limit.error())};
    return Slice{static_cast<std::uint64_t>(from->value_or(1)),
                 static_cast<std::size_t>(limit->value_or(top))};
}

std::string next_link(const Request& request, std::string_view more, std::uint64_t from, std::size_t limit) {
    return fmt::format("<{}?{}from={}&limit={}>; rel=\"next\"", escaped_path(request), more, from, limit);
}

awaitable<Response> answer_list(EventList list, ListRead first, Slice slice,
                                std::function<std::string(std::uint64_t from)> link) {
    Extent extent;
    if (!first.events.empty()) add(extent, list, first);
    std::size_t bytes = 0;
    for (const auto& event : first.events) bytes += event->json().size() + 1;
    const bool whole = (!extent.more || extent.count == slice.limit) && bytes <= list_page_bytes;
    while (extent.more && extent.count < slice.limit) {
        const auto read =
            co_await list.read(extent.next, std::min(list_read_events, slice.limit - extent.count));
        if (!read)
            co_return Response::problem(503, "busy", "the list changed while it was read")
                .with("Retry-After", "1");
        if (read->events.empty()) {
            extent.more = false;
            break;
        }
        add(extent, list, *read);
    }
    Response response = Response::json(whole ? whole_list(first.events, bytes) : std::string{});
    if (extent.more) response.with("Link", link(extent.next));
    if (!whole)
        response.list =
            std::make_unique<CountedList>(std::move(list), std::move(first), slice.from, extent.count);
    co_return response;
}

}  // namespace stepcast::http
