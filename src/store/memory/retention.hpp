#pragma once
#include <boost/intrusive/set.hpp>

#include "store/memory/stream.hpp"

namespace stepcast::store {

/// Which expiring stream is due next. A stream's place in its queue is brought up to date only when it comes
/// to the front, so that an event costs nothing here unless it begins or ends its stream.
class Retention {
  public:
    ~Retention() {
        running_.clear();
        finished_.clear();
    }

    /// Takes in a stream whose last_recorded is set, or moves it after a change of life.
    void place(MemoryStream& stream, MemoryStream::Life life);
    void remove(MemoryStream& stream);

    /// A stream of that life whose last event is from `until` or before; none if there is none. `moved` is
    /// set if only a place in the queue was brought up to date: ask again.
    MemoryStream* due(MemoryStream::Life life, Timestamp until, bool& moved);

    /// What `oldest` came to.
    struct Oldest {
        MemoryStream* stream = nullptr;
        bool waits = false;  ///< none may go, but some have events behind `through`
        bool moved = false;  ///< only places in the queue were brought up to date: ask again
    };
    /// The stream of that life with the oldest last event, which is not pinned and has no event behind
    /// `through`. Looks at a few streams only, those that are pinned excepted: if all of them have newer
    /// events, the rest is taken to have them too.
    Oldest oldest(MemoryStream::Life life, Position through);

  private:
    struct Earlier {
        bool operator()(const MemoryStream& a, const MemoryStream& b) const {
            return a.queued_at < b.queued_at;
        }
    };
    using Queue = boost::intrusive::multiset<MemoryStream, boost::intrusive::compare<Earlier>>;

    Queue& queue(MemoryStream::Life life) {
        return life == MemoryStream::Life::running ? running_ : finished_;
    }

    Queue running_;
    Queue finished_;
};

}  // namespace stepcast::store
