#pragma once
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "broadcast/subscription.hpp"

namespace stepcast::broadcast {

/// Who listens to what on one lane. Found by keyed hash; category and text are compared once per entry, not
/// per subscription. One strand; never changed while a span of it is looped over.
class Table {
  public:
    using Subscriptions = boost::container::small_vector<Subscription*, 1>;

    void add(Subscription& subscription, const Topic& topic);
    void remove(Subscription& subscription);

    /// Subscriptions to events of `category` about `subject` or of stream `stream_id`; null if there are
    /// none.
    const Subscriptions* by_subject(const event::Category& category, std::string_view subject) const {
        return find(subjects_, {&category, subject});
    }
    const Subscriptions* by_stream(const event::Category& category, std::string_view stream_id) const {
        return find(streams_, {&category, stream_id});
    }

  private:
    struct View {
        const event::Category* category;
        std::string_view text;
    };
    struct Key {
        const event::Category* category;
        std::string text;
        operator View() const { return {category, text}; }
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const View& key) const {
            // Categories are few: their addresses have only to differ, also in the low bits.
            return keyed_hash(key.text) ^ (reinterpret_cast<std::uintptr_t>(key.category) >> 4);
        }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const View& a, const View& b) const {
            return a.category == b.category && a.text == b.text;
        }
    };
    using Map = std::unordered_map<Key, Subscriptions, Hash, Equal>;
    using Entry = Map::value_type;

    static const Subscriptions* find(const Map& map, const View& key) {
        if (map.empty() || key.text.empty()) return nullptr;
        const auto found = map.find(key);
        return found == map.end() ? nullptr : &found->second;
    }

    Map subjects_;
    Map streams_;
};

}  // namespace stepcast::broadcast
