#include "store/journal/mark.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/hash.hpp"
#include "store/journal/errc.hpp"

namespace stepcast::store {
namespace {

// Within one sector and one page: a power cut leaves the old one or the new one.
constexpr std::size_t size = 160;

std::string text_of(const Mark& mark) {
    return fmt::format("stepcast-mark 1 epoch {} position {} group {} settled {}", mark.epoch, mark.position,
                       mark.group, mark.settled);
}

std::string whole_text(const Mark& mark) {
    std::string text = text_of(mark);
    text += fmt::format(" sum {:016x}", stable_hash(text));
    text.resize(size - 1, ' ');
    return text + '\n';
}

}  // namespace

std::optional<Mark> Mark::read(const std::string& journal, bool* garbled) {
    std::ifstream file{path_of(journal), std::ios::binary};
    if (garbled != nullptr) *garbled = false;
    if (!file) return std::nullopt;
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::istringstream words{text};
    Mark mark;
    std::string name;
    int version = 0;
    words >> name >> version >> name >> mark.epoch >> name >> mark.position >> name >> mark.group >> name >>
        mark.settled;
    if (words && text == whole_text(mark)) return mark;
    if (garbled != nullptr) *garbled = true;
    return std::nullopt;
}

result<void> MarkWriter::write(const Mark& mark) {
    const std::string text = whole_text(mark);
    if (fd_ < 0) fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    // A file that has no name any more would be marked for nobody.
    struct stat found{};
    const bool named = fd_ >= 0 && ::fstat(fd_, &found) == 0 && found.st_nlink != 0;
    if (named && ::pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) return {};
    const int error = fd_ >= 0 && !named ? ENOENT : errno;
    close();  // made anew at the next attempt
    return fail(journal_errc::failing, {},
                fmt::format("{} cannot be written: {}", path_, std::strerror(error)));
}

void MarkWriter::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace stepcast::store
