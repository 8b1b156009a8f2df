#pragma once
#include <map>
#include <string>
#include <string_view>

namespace stepcast::app {

/// What a terminal shows of a stream: a line with a bar per task, the newest ones last.
class TaskBoard {
  public:
    /// Takes the data of a `progress` or `recovery` frame; anything else is passed over. False if it was no
    /// such thing.
    bool update(std::string_view type, std::string_view data);

    /// A `reset` came: what is not sent again is gone.
    void clear() { tasks_.clear(); }

    /// "COMPLETED", … of the task; empty if unknown.
    std::string_view status(std::string_view task) const;

    /// The lines, each at most `columns` wide, at most `rows` of them (the tasks touched last).
    std::string draw(std::size_t columns, std::size_t rows) const;

  private:
    struct Task {
        std::string step;
        std::string status;
        int percentage = 0;
        int eta_seconds = -1;  // unknown
        std::uint64_t touched = 0;
    };

    static std::string line(std::string_view id, const Task& task, std::size_t columns,
                            std::size_t id_columns);

    std::map<std::string, Task, std::less<>> tasks_;
    std::uint64_t touches_ = 0;
};

/// How many columns of a terminal valid UTF-8 takes: CJK and emoji two, combining marks none.
std::size_t columns_of(std::string_view text);

/// The longest beginning of `text` that fits, with … where something was cut off.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace stepcast::app
