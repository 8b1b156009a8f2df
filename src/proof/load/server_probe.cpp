#include "proof/load/server_probe.hpp"

#include <fmt/format.h>

#include <asio/io_context.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "aio/spawn.hpp"
#include "client/errc.hpp"

namespace stepcast::proof {
namespace {

/// The number behind `name` in a /proc file of "Name:  123 kB" lines, in bytes.
std::uint64_t kib_line(std::string_view text, std::string_view name) {
    const auto at = text.find(name);
    if (at == text.npos) return 0;
    text.remove_prefix(at + name.size());
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t kib = 0;
    std::from_chars(text.data(), text.data() + text.size(), kib);
    return kib * 1024;
}

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    std::ostringstream out;
    out << file.rdbuf();
    return std::move(out).str();
}

}  // namespace

std::uint64_t ServerProbe::cpu_ns() const {
    if (pid_ == 0) return 0;
    std::uint64_t sum = 0;
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator{fmt::format("/proc/{}/task", pid_), error}) {
        std::uint64_t on_cpu = 0;
        std::ifstream{task.path() / "schedstat"} >> on_cpu;
        sum += on_cpu;
    }
    return sum;
}

Memory ServerProbe::memory() const {
    if (pid_ == 0) return {};
    const std::string rollup = read_file(fmt::format("/proc/{}/smaps_rollup", pid_));
    const std::string status = read_file(fmt::format("/proc/{}/status", pid_));
    return {kib_line(rollup, "\nRss:"), kib_line(rollup, "\nPss_Anon:"), kib_line(status, "\nVmHWM:")};
}

void ServerProbe::reset_peak() const {
    if (pid_ != 0) std::ofstream{fmt::format("/proc/{}/clear_refs", pid_)} << "5";
}

result<client::Answer> fetch(const client::Url& server, std::string target) {
    asio::io_context context{1};
    auto answer = result<client::Answer>{fail(client::errc::cut)};
    aio::spawn(asio::make_strand(context), "fetch", [&]() -> aio::awaitable<void> {
        client::HttpClient http{co_await asio::this_coro::executor, server};
        answer = co_await http.get(std::move(target), {{"Connection", "close"}});
    });
    context.run();
    return answer;
}

double metric(std::string_view exposition, std::string_view name) {
    double sum = 0;
    while (!exposition.empty()) {
        const auto end = exposition.find('\n');
        const auto line = exposition.substr(0, end);
        exposition.remove_prefix(end == exposition.npos ? exposition.size() : end + 1);
        if (!line.starts_with(name) || line.size() == name.size()) continue;
        if (line[name.size()] != ' ' && line[name.size()] != '{') continue;
        const auto value = line.substr(line.rfind(' ') + 1);
        double number = 0;
        std::from_chars(value.data(), value.data() + value.size(), number);
        sum += number;
    }
    return sum;
}

}  // namespace stepcast::proof
