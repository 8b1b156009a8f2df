// A checked value's text in its normal form.
#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.hpp"
#include "event/json_reader.hpp"
#include "event/plain_text.hpp"

namespace stepcast::event {
namespace {

unsigned read_hex(const char* from) {
    unsigned unit = 0;
    std::from_chars(from, from + 4, unit, 16);
    return unit;
}

void append_utf8(std::string& out, unsigned point) {
    const auto put = [&out](unsigned byte) { out += static_cast<char>(byte); };
    const auto tail = [&](int shift) { put(0x80 | ((point >> shift) & 0x3F)); };
    if (point < 0x80) return put(point);
    if (point < 0x800) return put(0xC0 | (point >> 6)), tail(0);
    if (point < 0x10000) return put(0xE0 | (point >> 12)), tail(6), tail(0);
    put(0xF0 | (point >> 18)), tail(12), tail(6), tail(0);
}

char control_of(char letter) {
    switch (letter) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return letter;
    }
}

/// Writes front to back; only where an object's members must change places are they written again.
class Normaliser {
  public:
    Normaliser(std::string& out, std::string_view text, Members members, std::size_t max_bytes)
        : out_{out}, rest_{text}, members_{members}, max_size_{out.size() + max_bytes} {}

    Normal value() {
        space();
        switch (rest_.front()) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            default:
                return word();
        }
    }

  private:
    /// A member in `out_`, and where its name ends, both quotes excluded.
    struct Part {
        std::size_t begin;
        std::size_t name_end;
        std::size_t end;
    };

    std::string_view name(const Part& part) const {
        return std::string_view{out_}.substr(part.begin + 1, part.name_end - part.begin - 1);
    }

    void space() {
        const auto begin = rest_.find_first_not_of(" \n\r\t");
        rest_.remove_prefix(std::min(begin, rest_.size()));
    }
    void take(char c) {
        out_ += c;
        rest_.remove_prefix(1);
    }
    Normal room() const { return out_.size() > max_size_ ? Normal::too_large : Normal::written; }

    Normal object() {
        const auto begin = out_.size();
        const auto first = parts_.size();
        take('{');
        for (space(); rest_.front() != '}'; space()) {
            if (rest_.front() == ',') take(','), space();
            Part part{out_.size(), 0, 0};
            if (const auto written = string(); written != Normal::written) return written;
            part.name_end = out_.size() - 1;
            space();
            take(':');
            if (const auto written = value(); written != Normal::written) return written;
            part.end = out_.size();
            parts_.push_back(part);
        }
        settle(begin, first);
        parts_.resize(first);
        take('}');
        return room();
    }

    Normal array() {
        take('[');
        for (space(); rest_.front() != ']'; space()) {
            if (rest_.front() == ',') take(',');
            if (const auto written = value(); written != Normal::written) return written;
        }
        take(']');
        return room();
    }

    Normal string() {
        std::size_t end = 1;
        while (rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
        const auto quoted = rest_.substr(0, end + 1);
        rest_.remove_prefix(quoted.size());
        if (quoted.find('\\') == quoted.npos) {
            append_json_string(out_, quoted.substr(1, quoted.size() - 2));
        } else {
            content_.clear();
            append_json_content(content_, quoted);
            append_json_string(out_, content_);
        }
        return room();
    }

    // A number, true, false or null.
    Normal word() {
        const auto end = std::min(rest_.find_first_of(",]} \n\r\t"), rest_.size());
        const auto text = rest_.substr(0, end);
        rest_.remove_prefix(end);
        double number = 0;
        if (is_json_number(text)) {
            const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
            if (read.ec != std::errc{}) return Normal::beyond_double;
        }
        if (!is_json_number(text) || is_json_integer(text)) {
            out_ += text;
            return room();
        }
        char digits[32];
        const auto written = std::to_chars(digits, digits + sizeof digits, number).ptr;
        out_.append(digits, static_cast<std::size_t>(written - digits));
        return room();
    }

    // Equal names leave but the last, and by name the members take their places.
    void settle(std::size_t begin, std::size_t first) {
        const auto from = parts_.begin() + static_cast<std::ptrdiff_t>(first);
        const auto by_name = [this](const Part& a, const Part& b) {
            const int order = name(a).compare(name(b));
            return order != 0 ? order < 0 : a.begin < b.begin;
        };
        const auto same = [this](const Part& a, const Part& b) { return name(a) == name(b); };
        const bool sorted = std::is_sorted(from, parts_.end(), by_name);
        if (!sorted) std::sort(from, parts_.end(), by_name);
        const auto kept = std::unique(parts_.rbegin(), std::make_reverse_iterator(from), same).base();
        const bool repeated = kept != from;
        if (!repeated && (sorted || members_ == Members::as_given)) return;
        if (members_ == Members::as_given)
            std::sort(kept, parts_.end(), [](const Part& a, const Part& b) { return a.begin < b.begin; });
        content_.clear();
        for (auto part = kept; part != parts_.end(); ++part) {
            if (!content_.empty()) content_ += ',';
            content_.append(out_, part->begin, part->end - part->begin);
        }
        out_.replace(begin + 1, out_.npos, content_);
    }

    std::string& out_;
    std::string_view rest_;
    const Members members_;
    const std::size_t max_size_;
    std::vector<Part> parts_;
    std::string content_;
};

}  // namespace

void append_json_content(std::string& out, std::string_view quoted) {
    for (std::size_t i = 1; quoted[i] != '"'; ++i) {
        if (quoted[i] != '\\') {
            const auto plain = std::max<std::size_t>(plain_prefix(quoted.substr(i)), 1);
            out.append(quoted, i, plain);
            i += plain - 1;
            continue;
        }
        if (quoted[++i] != 'u') {
            out += control_of(quoted[i]);
            continue;
        }
        unsigned point = read_hex(&quoted[i + 1]);
        i += 4;
        if (point >= 0xD800 && point < 0xDC00) {
            point = 0x10000 + ((point - 0xD800) << 10) + (read_hex(&quoted[i + 3]) - 0xDC00);
            i += 6;
        }
        append_utf8(out, point);
    }
}

std::optional<std::string> json_text(std::string_view value) {
    if (!is_json_string(value)) return std::nullopt;
    std::string out;
    append_json_content(out, value);
    return out;
}

Normal append_json_normal(std::string& out, std::string_view value, Members members, std::size_t max_bytes) {
    return Normaliser{out, value, members, max_bytes}.value();
}

}  // namespace stepcast::event
