#pragma once
#include <vector>

#include "aio/types.hpp"
#include "event/event.hpp"

namespace stepcast::broadcast {

/// A page of what a subscriber has to be told before it is live; bounded in bytes by its source, because it
/// is kept while the client does not read.
struct CatchUp {
    std::vector<event::EventRef> frames;  ///< missed events in order; reset, recoveries, more and the end of
                                          ///< the recoveries as control frames
    event::Position through = 0;          ///< everything up to here is told
    bool last = false;  ///< nothing more is known: live, unless something newer was recorded meanwhile
    bool end = false;   ///< after this page the stream is over (its terminal event is told)
    bool wait = false;  ///< nothing can be told now: ask again in a second, heartbeats go on. Has no frames.
                        ///< Without it an empty page says that its source has waited by itself
};

/// Where one subscriber's past comes from. Owned by its session; called on the session's lane, one call at a
/// time.
class StreamSource {
  public:
    virtual ~StreamSource() = default;

    /// What comes next: first all that the client's cursor says it missed and the state, then, asked again
    /// after a page that was the `last`, what came or was announced meanwhile.
    virtual aio::awaitable<CatchUp> next() = 0;

    /// True if this event, just sent live, is the stream's last.
    virtual bool ends_with(const event::Event& event) const = 0;
    /// False if this live event may not be sent to this subscriber; the stream then ends without it.
    virtual bool admits(const event::Event& event) const = 0;
    /// False if every live event is admitted and none ends the stream: they are then sent without asking, and
    /// the source is destroyed once the stream is live.
    virtual bool inspects() const { return true; }
};

}  // namespace stepcast::broadcast
