#pragma once
#include <cstdint>
#include <map>
#include <random>

#include "proof/load/publisher.hpp"
#include "proof/prove/ledger.hpp"
#include "proof/prove/target.hpp"

namespace stepcast::proof {

/// Publishes what the ledger hands out, at a steady rate, and repeats each event with its own id until it is
/// answered.
class ProveTraffic {
  public:
    /// Users [0, `hot`) get two fifths of the events; [`users`, `users` + `ballast`) only what a fill brings.
    struct Options {
        std::uint32_t rate = 500;  ///< events per second
        std::uint32_t users = 1;
        std::uint32_t hot = 0;
        std::uint32_t ballast = 0;
        std::uint64_t seed = 1;
    };

    ProveTraffic(Loop& loop, const Target& server, const ProveTarget& target, Ledger& ledger,
                 const Options& options);

    void start(std::uint64_t now) { next_at_ = now; }
    /// Posts what is due. Call it every millisecond or so. `regular`: new events too, not only repeats.
    void tick(std::uint64_t now, bool regular);
    /// Whether large events of users without subscribers go along.
    void fill(bool on) { filling_ = on; }
    /// Ends every task whose user has no event under way. True if no task is left running.
    bool finish(std::uint64_t now);

    /// Answers 503 and 429: the server asked to wait.
    std::uint64_t put_off() const { return put_off_; }
    /// Events that were due but whose users were all waiting for an answer.
    std::uint64_t held_back() const { return held_back_; }

  private:
    void publish_one(std::uint64_t now);
    void publish_ballast(std::uint64_t now);
    void post(std::uint32_t event);
    void answered(std::uint32_t event, int status);
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

    const ProveTarget& target_;
    Ledger& ledger_;
    Options options_;
    std::mt19937_64 random_;
    std::uint64_t interval_ns_;
    std::uint64_t next_at_ = 0;
    std::uint64_t next_ballast_at_ = 0;
    std::multimap<std::uint64_t, std::uint32_t> repeats_;
    std::uint64_t put_off_ = 0;
    std::uint64_t held_back_ = 0;
    bool filling_ = false;
    Publisher publisher_;
};

/// Replaces `{user}`, `{task}`, `{id}`, `{data}` and `{data_url}` in a template; what is put in is not looked
/// at again.
std::string fill_event(std::string_view pattern, const Ledger& ledger, std::uint32_t event);

}  // namespace stepcast::proof
