#include "domain/circuit_routes.hpp"

#include <boost/json.hpp>
#include <limits>

#include "aio/spawn.hpp"
#include "event/json.hpp"

namespace stepcast::domain {
namespace {

namespace json = boost::json;
using flow::Circuit;
using http::Request;
using http::Response;

constexpr http::Schema circuit_list{"Circuits", R"({
  "type":"object","required":["circuits"],
  "properties":{"circuits":{"type":"array","items":{
    "type":"object","required":["step","state","failures","underWay","opened","putOff"],
    "properties":{
      "step":{"type":"string","description":"What calls the dependency"},
      "state":{"type":"string","enum":["closed","half-open","open"],"description":"Calls are made; one is tried; none is made"},
      "failures":{"type":"integer","minimum":0,"description":"Calls in a row, up to now, that were not answered"},
      "underWay":{"type":"integer","minimum":0,"description":"Calls now"},
      "atMost":{"type":"integer","minimum":1,"description":"At a time; absent: no bound"},
      "opened":{"type":"integer","minimum":0,"description":"How often it was opened since the start"},
      "putOff":{"type":"integer","minimum":0,"description":"Calls since the start that were told to come again later"},
      "openUntil":{"type":"string","format":"date-time","description":"Of one that is not closed: from when on one call is tried"}}}}}})"};

const http::RouteInfo circuits_info{
    .summary = "Whether the calls to other systems are answered, step by step",
    .description = "Of this process: services elsewhere have circuits of their own.",
    .access = http::Access::admin,
    .answers = {{200, "The circuits; none where nothing is called", &circuit_list}},
};

json::object shown(const StepCircuit& one, Timestamp now) {
    const auto& circuit = *one.circuit;
    json::object out{{"step", one.step},
                     {"state", flow::name_of(circuit.state(now))},
                     {"failures", circuit.failures()},
                     {"underWay", circuit.under_way()}};
    if (circuit.max_at_once() != std::numeric_limits<std::size_t>::max())
        out["atMost"] = circuit.max_at_once();
    out["opened"] = circuit.opened();
    out["putOff"] = circuit.put_off();
    if (const auto until = circuit.open_until()) out["openUntil"] = format_rfc3339(*until);
    return out;
}

}  // namespace

std::vector<http::Route> circuit_routes(std::vector<StepCircuit> circuits, const Clock& clock,
                                        const aio::Strand& core) {
    const auto list = [circuits = std::move(circuits), &clock, core](
                          Request&, http::Context) -> aio::awaitable<Response> {
        const auto found = co_await aio::run_on(core, [&]() -> aio::awaitable<json::object> {
            json::array all;
            for (const auto& one : circuits) all.push_back(shown(one, clock.now()));
            co_return json::object{{"circuits", std::move(all)}};
        });
        std::string text;
        event::append_json_value(text, found);
        co_return Response::json(std::move(text)).with("Cache-Control", "no-store");
    };
    return {{wire::Method::get, "/api/circuits", list, circuits_info}};
}

}  // namespace stepcast::domain
