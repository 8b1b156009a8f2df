#pragma once
#include <optional>
#include <set>
#include <string>

#include "aio/types.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

enum class kept_errc {
    running = 1,  ///< the same call is being carried out
    other_call,   ///< the key was used for something else
};
std::error_code make_error_code(kept_errc e);

/// A call that its caller may send again.
struct KeyedCall {
    std::string id;              ///< caller, route and key: the same of every repetition
    std::uint64_t asks_for = 0;  ///< hash of all that it asks for
};

/// Gives who sends a call again the answer that it had. The answer stands in the commit that the call caused,
/// as an inbox mark, so there is none without the other; a call that commits nothing is carried out each
/// time. On the core strand.
class KeptAnswers {
  public:
    /// All outlive it. Answers are remembered for `keep`.
    KeptAnswers(store::EventStore& store, const Clock& clock, Duration keep)
        : store_{store}, clock_{clock}, keep_{keep} {}

    /// While it exists the same call is refused as `running`.
    class Turn {
      public:
        Turn() = default;
        Turn(KeptAnswers& owner, std::string id) : owner_{&owner}, id_{std::move(id)} {}
        Turn(Turn&& other) noexcept
            : owner_{std::exchange(other.owner_, nullptr)}, id_{std::move(other.id_)} {}
        Turn& operator=(Turn&& other) noexcept {
            std::swap(owner_, other.owner_);
            std::swap(id_, other.id_);
            return *this;
        }
        ~Turn() {
            if (owner_ != nullptr) owner_->running_.erase(id_);
        }

      private:
        KeptAnswers* owner_ = nullptr;
        std::string id_;
    };
    /// The answer of before, or the turn to give one.
    struct Begun {
        std::optional<std::string> answer;
        Turn turn;
    };

    /// kept_errc::running, kept_errc::other_call, or why the store cannot be read.
    aio::awaitable<result<Begun>> begin(const KeyedCall& call);
    /// The answer that the store has by now; kept_errc::other_call if it is another call's.
    aio::awaitable<result<std::optional<std::string>>> find(const KeyedCall& call);
    /// Goes into the commit that the call causes.
    store::InboxMark mark(const KeyedCall& call, std::string_view answer) const;

  private:
    store::EventStore& store_;
    const Clock& clock_;
    const Duration keep_;
    std::set<std::string, std::less<>> running_;
};

}  // namespace stepcast::flow

template <>
struct std::is_error_code_enum<stepcast::flow::kept_errc> : std::true_type {};
