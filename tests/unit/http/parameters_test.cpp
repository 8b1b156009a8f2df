#include "http/parameters.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "event/json.hpp"

namespace stepcast::http {
namespace {

Request with_query(std::string name, std::string value) {
    Request request;
    request.query.emplace_back(std::move(name), std::move(value));
    return request;
}

std::string field_of(const Response& response) {
    EXPECT_EQ(response.status, 400);
    const auto body = event::parse_json(response.body).value();
    EXPECT_EQ(body.at("code").as_string(), "invalid-field");
    return std::string{body.at("field").as_string()};
}

TEST(Parameters, a_refusal_names_the_field) {
    EXPECT_EQ(*required_number(with_query("quantity", "3"), "quantity", {1, 5}), 3);
    EXPECT_EQ(optional_number(Request{}, "quantity", {1, 5})->has_value(), false);
    EXPECT_EQ(field_of(required_number(Request{}, "quantity", {1, 5}).error()), "quantity");
    for (const auto* bad : {"0", "6", "", "x", "1.5", " 1", "+1", "99999999999999999999"})
        EXPECT_EQ(field_of(optional_number(with_query("quantity", bad), "quantity", {1, 5}).error()),
                  "quantity")
            << bad;
}

}  // namespace
}  // namespace stepcast::http
