#include "app/server/offset_clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/text.hpp"

namespace stepcast::app {

result<std::unique_ptr<OffsetClock>> OffsetClock::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail({errno, std::generic_category()}, path, "the clock's offset cannot be read");
    auto clock = std::make_unique<OffsetClock>(fd);
    if (!clock->read())
        return fail(std::make_error_code(std::errc::invalid_argument), path,
                    "the clock's offset must be a number of milliseconds and a line end");
    return clock;
}

OffsetClock::~OffsetClock() {
    ::close(fd_);
}

bool OffsetClock::read() const {
    char text[32];
    const auto size = ::pread(fd_, text, sizeof text, 0);
    if (size <= 0) return false;
    const std::string_view all{text, static_cast<std::size_t>(size)};
    const auto end = all.find('\n');
    if (end == all.npos) return false;
    const auto offset = parse_number<std::int64_t>(all.substr(0, end));
    if (offset) offset_ms_ = *offset;
    return offset.has_value();
}

Timestamp OffsetClock::now() const {
    read();
    return system_clock().now() + Duration{offset_ms_};
}

}  // namespace stepcast::app
