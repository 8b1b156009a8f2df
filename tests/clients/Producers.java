import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** As produce.py, with Java's own producer: {@code Producers kafka-clients BROKER TOPIC PARTITIONER}. */
public final class Producers {
    private static void send(String broker, String topic, JsonNode batch, int number) throws Exception {
        String transaction = batch.get("transaction").asText(null);
        var settings = new Properties();
        settings.put("bootstrap.servers", broker);
        settings.put("compression.type", batch.get("compression").asText());
        settings.put("acks", "all");
        if (transaction != null) settings.put("transactional.id", topic + "-kafka-clients-" + number);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            if (transaction != null) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            for (JsonNode each : batch.get("records")) {
                Long timestamp = each.get("timestamp").isNull() ? null : each.get("timestamp").asLong();
                var record = new ProducerRecord<>(topic, null, timestamp, each.get("key").asText(null), each.get("value").asText());
                for (JsonNode header : each.get("headers"))
                    record.headers().add(header.get(0).asText(), header.get(1).asText().getBytes(StandardCharsets.UTF_8));
                producer.send(record).get();
            }
            if ("commit".equals(transaction)) producer.commitTransaction();
            else if (transaction != null) producer.abortTransaction();
        }
    }

    public static void main(String[] arguments) throws Exception {
        var json = new ObjectMapper();
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int number = 0;
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JsonNode batch = json.readTree(line);
            Map<String, Object> said;
            try {
                send(arguments[1], arguments[2], batch, number++);
                said = Map.of("sent", batch.get("records").size());
            } catch (Exception error) {
                said = Map.of("error", error.toString());
            }
            System.out.println(json.writeValueAsString(said));
        }
    }
}
