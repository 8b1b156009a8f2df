#pragma once
#include <boost/container/small_vector.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "broadcast/session.hpp"

namespace stepcast::broadcast {

/// Who listens to what on one lane. Found by keyed hash; the text is compared once per entry, not per
/// session. One strand; never changed while a span of it is looped over.
class Table {
  public:
    using Sessions = boost::container::small_vector<Session*, 1>;

    void add(Session& session, const Topic& topic);
    void remove(Session& session);

    /// Sessions for events about `subject` or of stream `stream_id`; null if there are none.
    const Sessions* by_subject(std::string_view subject) const { return find(subjects_, subject); }
    const Sessions* by_stream(std::string_view stream_id) const { return find(streams_, stream_id); }

  private:
    using Map = std::unordered_map<std::string, Sessions, KeyedHash, std::equal_to<>>;
    using Entry = Map::value_type;

    static const Sessions* find(const Map& map, std::string_view key) {
        if (map.empty() || key.empty()) return nullptr;
        const auto found = map.find(key);
        return found == map.end() ? nullptr : &found->second;
    }

    Map subjects_;
    Map streams_;
};

}  // namespace stepcast::broadcast
