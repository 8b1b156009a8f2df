#pragma once
#include <cstdint>
#include <vector>

#include "proof/load/publisher.hpp"
#include "proof/load/recorder.hpp"
#include "proof/load/run.hpp"

namespace stepcast::proof {

/// Posts events at a steady rate, whatever becomes of them: round the users, STARTED first.
class Traffic {
  public:
    Traffic(Run& run, Recorder& recorder, std::uint32_t users);

    /// Posts what is due. Call it every millisecond or so.
    void tick(std::uint64_t now);
    /// The rate begins to count from `now`.
    void start(std::uint64_t now) { next_at_ = now; }
    /// One COMPLETED for every user.
    void finish();
    std::size_t waiting() const { return publisher_.waiting(); }

  private:
    void post(std::uint32_t user, std::string_view type);

    Run& run_;
    Recorder& recorder_;
    std::uint32_t users_;
    std::uint32_t turn_ = 0;
    std::uint64_t interval_ns_;
    std::uint64_t next_at_ = 0;
    std::vector<bool> started_;
    Publisher publisher_;
};

/// The server's sse_coalesced_total at this moment.
std::uint64_t coalesced_total(const Run& run);

/// Writes the verdict's numbers, its one line and its examples; sets "error" if it is not clean.
void report(Figures& out, const Verdict& verdict);

}  // namespace stepcast::proof
