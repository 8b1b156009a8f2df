#include "base/error_category.hpp"
#include "bus/bus.hpp"

namespace stepcast::bus {

std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> category{"bus",
                                              {{errc::busy, "the bus is full, try again later"},
                                               {errc::unavailable, "the bus does not answer"},
                                               {errc::too_large, "the record is too large for the bus"},
                                               {errc::unknown_topic, "no such topic"},
                                               {errc::closed, "the bus is being stopped"},
                                               {errc::unfit, "the topic is not what it is needed for"}}};
    return category.code(e);
}

}  // namespace stepcast::bus
