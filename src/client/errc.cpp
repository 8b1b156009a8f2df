#include "client/errc.hpp"

#include <string>

namespace stepcast::client {
namespace {

class Category final : public std::error_category {
  public:
    const char* name() const noexcept override { return "client"; }
    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
            case errc::bad_url:
                return "not a usable URL";
            case errc::unreachable:
                return "the server cannot be reached";
            case errc::timed_out:
                return "the server did not answer in time";
            case errc::cut:
                return "the connection ended in the middle of an answer";
            case errc::bad_response:
                return "the answer is not HTTP/1.1";
            case errc::too_large:
                return "the answer is too large";
            case errc::refused:
                return "the server refused the stream";
            case errc::wrong_content_type:
                return "the answer is not an event stream";
        }
        return "unknown client error";
    }
};

}  // namespace

std::error_code make_error_code(errc e) {
    static const Category category;
    return {static_cast<int>(e), category};
}

}  // namespace stepcast::client
