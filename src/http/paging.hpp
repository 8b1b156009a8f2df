#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/event.hpp"
#include "http/message.hpp"

namespace stepcast::http {

/// Which part of a list is asked for: numbers from `from` on, at most `limit` of them.
struct Slice {
    std::uint64_t from = 1;
    std::size_t limit = 0;
};

/// `?from=&limit=`; `most` is the greatest limit and the default. Otherwise the 400 that names what is wrong.
result<Slice, Response> slice_of(const Request& request, std::size_t most);

/// The same request from another number on, as the value of a Link header. `more` stands before `from` in the
/// query: "version=7&", or nothing.
std::string next_link(const Request& request, std::string_view more, std::uint64_t from, std::size_t limit);

/// What reading on in a list gave, in order.
struct ListRead {
    std::vector<event::EventRef> events;
    bool more = false;  ///< the list goes on behind them
};

/// Events with rising numbers that can be read from any number on.
struct EventList {
    /// At most `limit` events from number `from` on. Empty if that cannot be read (any more).
    std::function<awaitable<std::optional<ListRead>>(std::uint64_t from, std::size_t limit)> read;
    std::uint64_t (*number)(const event::Event&) = nullptr;
};

/// Events that one read of a list asks for at most: a turn of whoever is read from.
inline constexpr std::size_t list_read_events = 200;
/// JSON that waits for one client while it does not read; a single event may be longer.
inline constexpr std::size_t list_page_bytes = 32 * 1024;

/// A list as a JSON array, with `Link: rel="next"` if it goes on behind the slice. `first` is what was read
/// from `slice.from` on, at most `list_read_events`. A short answer is whole; a longer one is counted first
/// and then read again, page by page, as its client takes it: no more than a page is held for a client.
/// `link` gives the value of the Link header from the number it goes on with.
awaitable<Response> answer_list(EventList list, ListRead first, Slice slice,
                                std::function<std::string(std::uint64_t from)> link);

}  // namespace stepcast::http
