#pragma once
#include <cstdint>
#include <optional>
#include <utility>

#include "http/client_table.hpp"
#include "http/message.hpp"

namespace stepcast::http {

/// Holds each address (of IPv6 each /64, which is what one client is given) and each user who proved its name
/// to what they may use. Who may publish for others, or is an admin, is held to connections and streams of
/// its address only. Any thread; outlives those who use it.
class ClientLimits {
  public:
    struct Bounds {
        ClientBounds address{};
        ClientBounds user{};  ///< of streams: SseAdmission has it
    };
    explicit ClientLimits(const Bounds& bounds) : addresses_{bounds.address}, users_{bounds.user} {}

    /// Anything is bounded.
    bool on() const { return addresses_.on() || users_.on(); }

    /// Who pays for a request; 0: nobody.
    struct Payer {
        std::uint64_t address = 0;
        std::uint64_t user = 0;
    };
    Payer payer_of(const Request& request) const;

    /// Takes one request off, unless the payer has to wait: then it is told how long, by 429. Events hold
    /// back what changes something.
    std::optional<Response> admit(const Request& request, const Payer& payer);
    /// Takes off what a request has cost.
    void charge(const Payer& payer, Limited what, std::size_t cost);

    /// One of what an address, or a user, may hold at once; given back when destroyed.
    class [[nodiscard]] Hold {
      public:
        Hold() = default;
        Hold(Hold&& other) noexcept;
        Hold& operator=(Hold&& other) noexcept;
        ~Hold();

      private:
        friend class ClientLimits;
        Hold(ClientTable& table, std::uint64_t client, Limited what)
            : table_{&table}, client_{client}, what_{what} {}

        ClientTable* table_ = nullptr;  // null: it is not counted
        std::uint64_t client_ = 0;
        Limited what_{};
    };
    /// Empty if the peer's address holds as many as it may.
    std::optional<Hold> enter(const Peer& peer, Limited what);
    /// The same of the user who pays, for a connection of its own.
    std::optional<Hold> enter(const Payer& payer);

    const ClientTable& addresses() const { return addresses_; }
    const ClientTable& users() const { return users_; }

  private:
    ClientTable addresses_;
    ClientTable users_;
};

}  // namespace stepcast::http
