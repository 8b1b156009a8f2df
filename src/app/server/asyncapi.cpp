#include "app/server/asyncapi.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace stepcast::app {
namespace {

namespace json = boost::json;
using http::MessageInfo;
using http::Route;

// Of the bindings: what AsyncAPI says of a protocol beyond what is common to all.
constexpr const char* http_binding = "0.3.0";
constexpr const char* kafka_binding = "0.5.0";

json::object reference(std::string to) {
    return {{"$ref", std::move(to)}};
}

/// The document while it is put together.
class Document {
  public:
    explicit Document(bool tokens) : tokens_{tokens} {}

    void add_stream(const Route& row) {
        const std::string id = http::operation_id(row);
        json::object parameters, query;
        for (const auto& parameter : row.info.parameters) {
            if (parameter.in == http::Parameter::In::path)
                parameters[parameter.name] = json::object{{"description", parameter.meaning}};
            if (parameter.in != http::Parameter::In::query) continue;
            auto schema = json::parse(parameter.schema).as_object();
            schema["description"] = parameter.meaning;
            query[parameter.name] = std::move(schema);
        }
        json::object channel = channel_of(row.pattern, row.info.summary, "http", row.info.events);
        if (!parameters.empty()) channel["parameters"] = std::move(parameters);
        channels_[id] = std::move(channel);
        json::object operation = operation_of("send", id, row.info.summary);
        operation["description"] = row.info.description;
        operation["bindings"] =
            json::object{{"http",
                          {{"method", "GET"},
                           {"query", json::object{{"type", "object"}, {"properties", std::move(query)}}},
                           {"bindingVersion", http_binding}}}};
        if (tokens_ && row.info.access != http::Access::open)
            operation["security"] = json::array{reference("#/components/securitySchemes/bearer")};
        operations_[id] = std::move(operation);
    }

    void add_topic(const domain::TopicInfo& topic) {
        std::string id = topic.name;
        std::ranges::replace(id, '.', '_');
        json::object channel = channel_of(topic.name, topic.meaning, "kafka", topic.records);
        for (auto& [name, message] : channel["messages"].as_object())
            message.as_object()["bindings"] =
                json::object{{"kafka",
                              {{"key", json::object{{"type", "string"}, {"description", topic.key}}},
                               {"bindingVersion", kafka_binding}}}};
        channels_[id] = std::move(channel);
        for (const char* action : {"receive", "send"})
            if (std::string_view{action} == "send" ? topic.written : topic.read)
                operations_[action + ("_" + id)] = operation_of(action, id, topic.meaning);
    }

    json::object finish(const http::ApiInfo& info) {
        json::object components{{"schemas", std::move(schemas_)}};
        if (tokens_)
            components["securitySchemes"] = json::object{
                {"bearer", json::object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}};
        return {{"asyncapi", "3.0.0"},
                {"info",
                 {{"title", "Stepcast"},
                  {"version", info.version},
                  {"description",
                   std::string{info.summary} +
                       ". Made from the tables of the server that answers: streams are Server-Sent Events, "
                       "each message an event with that name; topics are Kafka's, or the server's own "
                       "where it runs without."}}},
                {"defaultContentType", "application/json"},
                {"servers",
                 {{"http", server("localhost:8082", "http", "Where this document came from")},
                  {"kafka", server("localhost:9092", "kafka", "`kafka.brokers`, with `bus.kind = kafka`")}}},
                {"channels", std::move(channels_)},
                {"operations", std::move(operations_)},
                {"components", std::move(components)}};
    }

  private:
    /// Where a server is the document does not know: behind a proxy it is elsewhere, and brokers are nobody's
    /// business.
    static json::object server(const char* usual, const char* protocol, const char* meaning) {
        return {{"host", "{host}"},
                {"protocol", protocol},
                {"description", meaning},
                {"variables", {{"host", json::object{{"default", usual}}}}}};
    }

    static json::object operation_of(const char* action, const std::string& id, std::string_view summary) {
        return {{"action", action}, {"channel", reference("#/channels/" + id)}, {"summary", summary}};
    }

    json::object channel_of(std::string_view address, std::string_view summary, std::string_view server,
                            const std::vector<const MessageInfo*>& infos) {
        json::object messages;
        for (const auto* info : infos) messages[info->name] = message_of(*info);
        return {{"address", address},
                {"summary", summary},
                {"servers", json::array{reference("#/servers/" + std::string{server})}},
                {"messages", std::move(messages)}};
    }

    json::object message_of(const MessageInfo& info) {
        json::object message{{"name", info.name}, {"summary", info.meaning}};
        if (info.payload != nullptr)
            message["payload"] = named(*info.payload);
        else
            message["contentType"] = "application/octet-stream";
        if (info.headers != nullptr) message["headers"] = named(*info.headers);
        if (info.has_id) message["x-id"] = true;
        return message;
    }

    json::object named(const http::Schema& schema) {
        schemas_[schema.name] = json::parse(schema.json);
        return reference("#/components/schemas/" + std::string{schema.name});
    }

    const bool tokens_;
    json::object channels_, operations_, schemas_;
};

}  // namespace

json::object asyncapi_document(const std::deque<Route>& table, std::span<const domain::TopicInfo> topics,
                               const http::ApiInfo& info) {
    Document document{info.tokens};
    for (const Route& row : table)
        if (!row.info.events.empty()) document.add_stream(row);
    for (const auto& topic : topics) document.add_topic(topic);
    return document.finish(info);
}

}  // namespace stepcast::app
