#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// How far a journal was durable when it was last acknowledged: what stands in `FILE-mark`, one small text.
/// It is written behind the transaction and before the acknowledgement, and not synced, so it can be behind
/// the truth and never ahead of it, whatever ends the process or the power. A journal that holds less than
/// its mark says has lost something.
struct Mark {
    std::string epoch{};
    Position position = 0;
    std::uint64_t group = 0;    ///< number of the last group, see JournalMeta
    std::uint64_t settled = 0;  ///< the group up to which all stands in the file itself, without its log

    static std::string path_of(const std::string& journal) { return journal + "-mark"; }
    /// Empty if there is none, or none that can be believed; `garbled`, where given, tells which.
    static std::optional<Mark> read(const std::string& journal, bool* garbled = nullptr);
};

/// Writes the mark of a journal, at one place again and again.
class MarkWriter {
  public:
    explicit MarkWriter(const std::string& journal) : path_{Mark::path_of(journal)} {}
    MarkWriter(const MarkWriter&) = delete;
    MarkWriter& operator=(const MarkWriter&) = delete;
    ~MarkWriter() { close(); }

    /// Costs one call to the system. The file is made, readable for its owner only, where it is missing.
    result<void> write(const Mark& mark);

  private:
    void close();

    const std::string path_;
    int fd_ = -1;
};

}  // namespace stepcast::store
