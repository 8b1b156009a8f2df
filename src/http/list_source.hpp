#pragma once
#include <sys/uio.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aio/types.hpp"
#include "event/event.hpp"

namespace stepcast::http {

/// Some of the events of a list answer, at least one.
struct ListPage {
    std::vector<event::EventRef> events;
    bool last = false;
};

/// A body that is too long to be held: a JSON array of events, read as the client takes it. On its
/// connection's lane.
class ListSource {
  public:
    virtual ~ListSource() = default;
    /// What comes next; never called behind the last page. Empty: what the head promised is not there any
    /// more, and the answer must not look whole.
    virtual aio::awaitable<std::optional<ListPage>> next() = 0;
};

/// The bytes of a list answer, page by page, as parts of a gathered write that point into the events
/// themselves. Knows no socket.
class ListWriter {
  public:
    /// `head` is the response's head. Not chunked: the body ends with the connection.
    ListWriter(std::string head, bool chunked) : front_{std::move(head)}, chunked_{chunked} {}

    /// What is to be written next. Only once everything before has been taken.
    void put(ListPage page);
    /// What the socket has not taken yet; empty: all of it.
    std::span<iovec> parts() { return std::span{parts_}.subspan(next_); }
    void took(std::size_t bytes);

  private:
    ListPage page_;
    std::vector<iovec> parts_;
    std::size_t next_ = 0;
    std::string front_;  // what stands before a page's first event, and behind its last
    std::string back_;
    const bool chunked_;
    bool begun_ = false;
};

}  // namespace stepcast::http
