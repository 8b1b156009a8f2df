#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace stepcast::proof {

/// A program that runs as our child: it ends with this object, and with our process, however that ends. One
/// thread: the kernel ties it to the thread that started it.
class Child {
  public:
    /// Starts `command` in `folder`; its output is appended to `log`, a file. It inherits no STEPCAST_
    /// variables.
    static result<Child> start(const std::vector<std::string>& command, const std::string& folder,
                               const std::string& log);

    Child() = default;
    ~Child();
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;

    pid_t pid() const { return pid_; }
    bool running() const { return pid_ > 0 && !status_; }
    /// Sends a signal if it still runs.
    void signal(int number);
    /// Looks whether it has ended. Then its exit code, or 128 + the signal that ended it.
    std::optional<int> poll();
    /// SIGTERM, and SIGKILL after `limit_ms`. Waits. The exit code as `poll` gives it; 0 if there was none.
    int stop(int limit_ms);

  private:
    explicit Child(pid_t pid) : pid_{pid} {}

    pid_t pid_ = 0;
    std::optional<int> status_;
};

/// A folder of our own below the system's temporary one, gone with this object unless it is kept.
class TemporaryFolder {
  public:
    static result<TemporaryFolder> make(bool keep);
    ~TemporaryFolder();
    TemporaryFolder(TemporaryFolder&& other) noexcept;
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;

    const std::string& path() const { return path_; }

  private:
    TemporaryFolder(std::string path, bool keep) : path_{std::move(path)}, keep_{keep} {}

    std::string path_;
    bool keep_ = false;
};

/// A TCP port of 127.0.0.1 that was free a moment ago; 0 if there is none.
std::uint16_t free_port();

/// The path of a command as the shell would find it; empty if it is not there.
std::string find_command(const std::string& name, const std::vector<std::string>& also_in = {});

}  // namespace stepcast::proof
