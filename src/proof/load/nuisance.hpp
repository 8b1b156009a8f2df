#pragma once
#include <cstdint>
#include <deque>
#include <random>

#include "proof/load/loop.hpp"
#include "proof/load/network.hpp"

namespace stepcast::proof {

/// Clients that a server must bear: some send one byte of a request a second, some reset in the middle of
/// anything.
class Nuisance {
  public:
    Nuisance(Loop& loop, const Target& target, std::string subscribe_target, std::uint64_t seed);

    /// Opens so many clients that send a byte a second; those that the server cuts come back.
    void add_dribblers(std::size_t count);
    /// Sends the bytes that are due and resets a client every 5 ms. Call it every millisecond or so.
    void tick(std::uint64_t now);

    std::uint64_t resets() const { return resets_; }
    std::uint64_t bytes_dribbled() const { return dribbled_; }

  private:
    /// Sends its request byte by byte; whatever the server does to it is fine.
    class Dribbler final : public Handler {
      public:
        explicit Dribbler(Nuisance& owner) : owner_{owner} {}
        ~Dribbler();
        void on_ready(std::uint32_t events) override;
        void send_byte();

      private:
        Nuisance& owner_;
        int fd_ = -1;
        std::size_t sent_ = 0;
    };

    void reset_one();

    Loop& loop_;
    const Target& target_;
    std::string request_;
    std::mt19937_64 random_;
    std::deque<Dribbler> dribblers_;
    std::size_t next_dribbler_ = 0;
    std::uint64_t next_byte_at_ = 0;
    std::uint64_t next_reset_at_ = 0;
    std::uint64_t resets_ = 0;
    std::uint64_t dribbled_ = 0;
};

}  // namespace stepcast::proof
