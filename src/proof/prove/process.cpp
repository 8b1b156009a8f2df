#include "proof/prove/process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>

namespace stepcast::proof {
namespace {

tl::unexpected<Error> system_failure(std::string what) {
    const std::error_code code{errno, std::generic_category()};
    return fail(code, {}, what + ": " + code.message());
}

/// Our environment without what would change the settings of a server.
std::vector<std::string> child_environment() {
    std::vector<std::string> out;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        if (!std::string_view{*variable}.starts_with("STEPCAST_")) out.emplace_back(*variable);
    }
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

/// In the child, between fork and exec: system calls only.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* folder, int log,
                         pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // it died before the line above
    // An interrupt on the terminal is for the parent, which ends its children itself.
    setpgid(0, 0);
    const int null = open("/dev/null", O_RDONLY);
    if (chdir(folder) == 0 && dup2(null, 0) == 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2)
        execve(arguments[0], arguments, environment);
    _exit(127);
}

int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

result<Child> Child::start(const std::vector<std::string>& command, const std::string& folder,
                           const std::string& log) {
    auto texts = command;
    auto variables = child_environment();
    const auto arguments = pointers(texts);
    const auto environment = pointers(variables);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (out < 0) return system_failure(log);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) become(arguments.data(), environment.data(), folder.c_str(), out, parent);
    close(out);
    if (pid < 0) return system_failure("fork");
    return Child{pid};
}

Child::~Child() {
    if (!running()) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

Child::Child(Child&& other) noexcept
    : pid_{std::exchange(other.pid_, 0)}, status_{std::exchange(other.status_, std::nullopt)} {}

Child& Child::operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(status_, other.status_);
    return *this;
}

void Child::signal(int number) {
    if (running()) ::kill(pid_, number);
}

std::optional<int> Child::poll() {
    if (!running()) return status_;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = exit_code(status);
    return status_;
}

int Child::stop(int limit_ms) {
    signal(SIGTERM);
    for (int waited = 0; running() && !poll(); ++waited) {
        if (waited == limit_ms) signal(SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return status_.value_or(0);
}

result<TemporaryFolder> TemporaryFolder::make(bool keep) {
    std::error_code error;
    auto pattern = (std::filesystem::temp_directory_path(error) / "stepcast-prove-XXXXXX").string();
    if (error || mkdtemp(pattern.data()) == nullptr) return system_failure("no temporary folder");
    return TemporaryFolder{std::move(pattern), keep};
}

TemporaryFolder::~TemporaryFolder() {
    if (path_.empty() || keep_) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_{std::exchange(other.path_, {})}, keep_{other.keep_} {}

std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const bool bound = fd >= 0 && bind(fd, generic, length) == 0 && getsockname(fd, generic, &length) == 0;
    if (fd >= 0) close(fd);
    return bound ? ntohs(address.sin_port) : std::uint16_t{0};
}

std::string find_command(const std::string& name, const std::vector<std::string>& also_in) {
    std::vector<std::string> folders;
    std::string_view path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
    while (!path.empty()) {
        const auto end = std::min(path.find(':'), path.size());
        folders.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    folders.insert(folders.end(), also_in.begin(), also_in.end());
    for (const auto& folder : folders) {
        const auto file = folder + "/" + name;
        if (access(file.c_str(), X_OK) == 0) return file;
    }
    return {};
}

}  // namespace stepcast::proof
