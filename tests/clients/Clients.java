import com.launchdarkly.eventsource.ConnectStrategy;
import com.launchdarkly.eventsource.ErrorStrategy;
import com.launchdarkly.eventsource.FaultEvent;
import com.launchdarkly.eventsource.MessageEvent;
import com.launchdarkly.eventsource.StreamClosedByServerException;
import com.launchdarkly.eventsource.StreamEvent;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.sse.EventSource;
import okhttp3.sse.EventSourceListener;
import okhttp3.sse.EventSources;

/** Clients of Maven Central, as client.py: {@code Clients NAME URL [NAME URL…]}. */
public final class Clients {
    private static final int RETRY_MS = 100;

    private static String quoted(String text) {
        return text == null ? "null" : '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    private static synchronized void say(String client, String call) {
        System.out.printf("{\"client\":%s,\"call\":%s}%n", quoted(client), quoted(call));
        System.out.flush();
    }

    private static synchronized void event(String client, String type, String data, String id) {
        System.out.printf("{\"client\":%s,\"call\":\"event\",\"type\":%s,\"data\":%s,\"id\":%s}%n", quoted(client), quoted(type), quoted(data), quoted(id));
        System.out.flush();
    }

    /** It leaves connecting again to the program. */
    private static final class OkHttpSse extends EventSourceListener {
        private final OkHttpClient http = new OkHttpClient.Builder().readTimeout(Duration.ZERO).build();
        private final String client;
        private final String url;
        private String last;

        OkHttpSse(String client, String url) {
            this.client = client;
            this.url = url;
        }

        void open() {
            Request.Builder request = new Request.Builder().url(url);
            if (last != null) request.header("Last-Event-ID", last);
            EventSources.createFactory(http).newEventSource(request.build(), this);
        }

        private void again() {
            try {
                Thread.sleep(RETRY_MS);
            } catch (InterruptedException e) {
                return;
            }
            say(client, "again");
            open();
        }

        @Override
        public void onEvent(EventSource source, String id, String type, String data) {
            if (id != null) last = id;
            event(client, type, data, id);
        }

        @Override
        public void onClosed(EventSource source) {
            say(client, "end");
            again();
        }

        @Override
        public void onFailure(EventSource source, Throwable thrown, Response response) {
            if (response != null && response.code() == 204) {
                say(client, "ended");
                return;
            }
            say(client, "lost");
            again();
        }
    }

    private static void okHttpEventSource(String client, String url) {
        var source = new com.launchdarkly.eventsource.EventSource.Builder(ConnectStrategy.http(URI.create(url)))
            .errorStrategy(ErrorStrategy.alwaysContinue())
            .retryDelay(RETRY_MS, TimeUnit.MILLISECONDS)
            .build();
        for (StreamEvent each : source.anyEvents()) {
            if (each instanceof MessageEvent message)
                event(client, message.getEventName(), message.getData(), message.getLastEventId());
            else if (each instanceof FaultEvent fault)
                say(client, fault.getCause() instanceof StreamClosedByServerException ? "end" : "lost");
        }
        say(client, "ended");
    }

    public static void main(String[] arguments) throws InterruptedException {
        for (int i = 0; i < arguments.length; i += 2) {
            String client = arguments[i];
            String url = arguments[i + 1];
            if (client.equals("okhttp-sse"))
                new OkHttpSse(client, url).open();
            else
                new Thread(() -> okHttpEventSource(client, url)).start();
        }
        Thread.sleep(Long.MAX_VALUE);
    }
}
