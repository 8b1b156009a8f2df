#pragma once
#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>
#include <vector>

#include "proof/prove/bank_history.hpp"
#include "proof/prove/siege.hpp"

namespace stepcast::proof {

/// What a run of `stepcast prove --bank` came to.
struct BankVerdict {
    std::uint32_t kills = 0;
    std::uint64_t calls = 0;  ///< deposits and withdrawals that were answered
    std::uint64_t refused = 0;
    std::uint64_t transfers = 0;
    std::uint64_t completed = 0;
    std::uint64_t refunded = 0;
    std::uint64_t repeats = 0;  ///< requests sent again, because nobody answered
    std::int64_t sum = 0;       ///< of all balances at the end
    std::int64_t put_in = 0;    ///< what it must be
    std::vector<std::string> failures;
};

/// `stepcast prove --bank`; the seed is drawn. Returns what `run_prove` does.
int run_bank_proof(const ProveOptions& options, std::ostream& out);

/// Clients pay in, draw and transfer while the server is killed and started again; then everything is read
/// back. One thread.
class BankProof {
  public:
    BankProof(const ProveOptions& options, ProveTarget target, std::string folder);

    BankVerdict carry_out();

  private:
    struct Account {
        std::string id;
        std::vector<BankCall> calls;
    };

    aio::awaitable<void> direct();
    aio::awaitable<bool> create_accounts();
    aio::awaitable<void> work(std::uint32_t number);
    aio::awaitable<void> pay(client::HttpClient& http, const std::string& key);
    aio::awaitable<void> transfer(client::HttpClient& http, const std::string& id);

    aio::awaitable<void> audit();
    aio::awaitable<void> audit_transfer(client::HttpClient& http, const std::string& id);
    aio::awaitable<void> audit_account(client::HttpClient& http, const Account& account);
    aio::awaitable<std::vector<BankEvent>> list_events(client::HttpClient& http, const std::string& account);

    const ProveOptions& options_;
    Siege siege_;
    std::deque<Account> accounts_;
    std::vector<std::string> transfers_;
    BankVerdict verdict_;
};

}  // namespace stepcast::proof
