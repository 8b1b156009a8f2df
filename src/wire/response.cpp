#include "wire/response.hpp"

#include "base/text.hpp"
#include "wire/chars.hpp"

namespace stepcast::wire {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    for (auto valid = value_prefix(value); valid != value.size(); valid = value_prefix(value)) {
        out.append(value.substr(0, valid)) += ' ';
        value.remove_prefix(valid + 1);
    }
    out.append(value).append("\r\n");
}

void append_two_digits(std::string& out, int number) {
    out += static_cast<char>('0' + number / 10);
    out += static_cast<char>('0' + number % 10);
}

}  // namespace

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Unknown";
    }
}

std::string format_http_date(std::time_t time) {
    // Names of its own: strftime's follow the locale.
    constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&time, &utc);
    std::string out{days[utc.tm_wday]};
    out += ", ";
    append_two_digits(out, utc.tm_mday);
    out.append(1, ' ').append(months[utc.tm_mon]).append(1, ' ');
    append_number(out, utc.tm_year + 1900);
    for (const auto [separator, number] :
         {std::pair{' ', utc.tm_hour}, {':', utc.tm_min}, {':', utc.tm_sec}}) {
        out += separator;
        append_two_digits(out, number);
    }
    return out += " GMT";
}

void append_response_head(std::string& out, const ResponseHead& head, const Headers& headers) {
    out += "HTTP/1.1 ";
    append_number(out, head.status);
    out.append(1, ' ').append(reason_phrase(head.status)).append("\r\n");
    append_field(out, "Date", head.date);
    out += "X-Content-Type-Options: nosniff\r\n";  // text of others stands in many answers: no script, ever
    for (const auto& [name, value] : headers) append_field(out, name, value);
    if (head.content_length) {
        out += "Content-Length: ";
        append_number(out, *head.content_length);
        out += "\r\n";
    }
    if (head.chunked) out += "Transfer-Encoding: chunked\r\n";
    if (head.persistence == Persistence::close) out += "Connection: close\r\n";
    if (head.persistence == Persistence::keep_alive) out += "Connection: keep-alive\r\n";
    out += "\r\n";
}

}  // namespace stepcast::wire
