#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "auth/key_files.hpp"
#include "auth/key_set.hpp"
#include "auth/principal.hpp"
#include "auth/publishers.hpp"
#include "auth/settings.hpp"
#include "auth/token_cache.hpp"
#include "base/result.hpp"

namespace stepcast::auth {

/// Says whose a token is: a signed one (JWT), or a publisher's key. `verify` from any thread; `reload` and
/// `refresh` block on files, and `take_fetched` waits for them.
class Verifier {
  public:
    /// Reads the files. The error names the file and what is wrong with it.
    static result<std::unique_ptr<Verifier>> open(Settings settings);

    /// Who bears the token, if it is valid at `now`. Of a token that was verified before, and whose keys have
    /// not changed, only the times are looked at. The error's detail is for whoever sent it: it says what is
    /// wrong, and nothing of our keys.
    result<Principal> verify(std::string_view token, Timestamp now);

    /// Reads all files again. What was verified with the old keys is verified anew, and who was believed by
    /// one that is gone is told (`Principal::revoked`). What is wrong with one file keeps back no other.
    std::vector<Problem> reload();
    /// The same if a file has changed since they were last tried; nothing if none has.
    std::optional<std::vector<Problem>> refresh();
    /// Believes these keys, which were fetched, besides those of the files; those that were fetched before
    /// go.
    void take_fetched(std::vector<Key> keys);

    std::size_t cached() const { return cache_.size(); }

  private:
    struct Trust {
        KeySet keys;
        Publishers publishers;
        std::uint64_t generation = 0;
    };

    explicit Verifier(Settings settings) : settings_{std::move(settings)}, files_{settings_.keys} {}
    std::shared_ptr<const Trust> trust() const;
    std::uint64_t stamp() const;
    std::vector<Problem> read();
    std::vector<Problem> read_publishers();
    void believe();

    const Settings settings_;
    TokenCache cache_;
    mutable std::mutex mutex_;  // of trust_, for as long as a pointer is copied
    std::shared_ptr<const Trust> trust_ = std::make_shared<const Trust>();
    std::atomic<std::uint64_t> generation_{0};  // trust_'s

    std::mutex reading_;  // of what follows
    KeyFiles files_;
    std::vector<SharedKey> fetched_;
    Publishers publishers_;
    std::uint64_t stamp_ = 0;  // of the files when they were last tried
};

}  // namespace stepcast::auth
