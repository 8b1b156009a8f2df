#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>

#include "auth/key_set.hpp"
#include "auth/principal.hpp"
#include "auth/publishers.hpp"
#include "auth/settings.hpp"
#include "auth/token_cache.hpp"
#include "base/result.hpp"

namespace stepcast::auth {

/// Says whose a token is: a signed one (JWT), or a publisher's key. `verify` from any thread; `reload` and
/// `refresh` block on files, one at a time.
class Verifier {
  public:
    /// Reads the files. The error names the file and what is wrong with it.
    static result<std::unique_ptr<Verifier>> open(Settings settings);

    /// Who bears the token, if it is valid at `now`. Of a token that was verified before, and whose keys have
    /// not changed, only the times are looked at. The error's detail is for whoever sent it: it says what is
    /// wrong, and nothing of our keys.
    result<Principal> verify(std::string_view token, Timestamp now);

    /// Reads all files again. What was verified with the old keys is verified anew; if one cannot be used,
    /// the old keys stay.
    result<void> reload();
    /// The same if a file has changed since they were last tried. True if it was read.
    result<bool> refresh();

    std::size_t cached() const { return cache_.size(); }

  private:
    struct Trust {
        KeySet keys;
        Publishers publishers;
        std::uint64_t generation = 0;
    };

    explicit Verifier(Settings settings) : settings_{std::move(settings)} {}
    std::shared_ptr<const Trust> trust() const;
    std::uint64_t stamp() const;
    result<Trust> read() const;

    const Settings settings_;
    TokenCache cache_;
    mutable std::mutex mutex_;  // of trust_, for as long as a pointer is copied
    std::shared_ptr<const Trust> trust_;
    std::atomic<std::uint64_t> generation_{0};  // trust_'s
    std::uint64_t stamp_ = 0;                   // of the files when they were last tried
};

}  // namespace stepcast::auth
