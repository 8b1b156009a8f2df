#include "http/list_source.hpp"

#include <fmt/format.h>
#include <iterator>

namespace stepcast::http {
namespace {

iovec part(std::string_view text) {
    return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

void ListWriter::put(ListPage page) {
    page_ = std::move(page);
    std::size_t size = page_.events.size() + (page_.last ? 1 : 0);  // bracket or comma before each, bracket
    for (const auto& event : page_.events) size += event->json().size();
    if (begun_) front_.clear();
    if (chunked_) fmt::format_to(std::back_inserter(front_), "{:x}\r\n", size);
    front_ += begun_ ? ',' : '[';
    begun_ = true;
    back_ = page_.last ? "]" : "";
    if (chunked_) back_ += page_.last ? "\r\n0\r\n\r\n" : "\r\n";
    parts_.clear();
    next_ = 0;
    for (const auto& event : page_.events) {
        parts_.push_back(part(parts_.empty() ? std::string_view{front_} : ","));
        parts_.push_back(part(event->json()));
    }
    if (!back_.empty()) parts_.push_back(part(back_));
}

void ListWriter::took(std::size_t bytes) {
    for (; bytes != 0; ++next_) {
        iovec& first = parts_[next_];
        if (bytes < first.iov_len) {
            first.iov_base = static_cast<char*>(first.iov_base) + bytes;
            first.iov_len -= bytes;
            return;
        }
        bytes -= first.iov_len;
    }
}

}  // namespace stepcast::http
