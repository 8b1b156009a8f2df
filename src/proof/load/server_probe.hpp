#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/http_client.hpp"

namespace stepcast::proof {

/// Memory of a process in bytes.
struct Memory {
    std::uint64_t resident = 0;
    std::uint64_t anonymous = 0;  ///< what the process itself allocated (Pss_Anon)
    std::uint64_t peak = 0;       ///< highest resident since the last `reset_peak`
};

/// Watches a server from outside, by /proc. A pid of 0 measures nothing and gives zeros.
class ServerProbe {
  public:
    explicit ServerProbe(pid_t pid) : pid_{pid} {}

    /// CPU time of all threads so far, in nanoseconds; a thread that has ended takes its part with it.
    std::uint64_t cpu_ns() const;
    Memory memory() const;
    /// Lowers the kernel's resident peak to the present value.
    void reset_peak() const;

  private:
    pid_t pid_;
};

/// One blocking GET, for the calls around a measurement.
result<client::Answer> fetch(const client::Url& server, std::string target);

/// Sum of a metric over all its labels in Prometheus's text format; 0 if it is not there.
double metric(std::string_view exposition, std::string_view name);

}  // namespace stepcast::proof
