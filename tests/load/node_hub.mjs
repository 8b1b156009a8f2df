// The SSE server that people write themselves: ids, the last 1,000 events of a user to resume from, all in memory.
import http from "node:http";

const users = new Map();
const find = (id) => users.get(id) ?? users.set(id, { next: 1, kept: [], clients: new Set() }).get(id);

http.createServer((request, response) => {
    const url = new URL(request.url, "http://hub"), user = find(url.searchParams.get("userId"));
    if (request.method === "POST" && url.pathname === "/publish") {
        let body = "";
        request.setEncoding("utf8").on("data", (part) => (body += part)).on("end", () => {
            const id = user.next++, frame = `id: ${id}\ndata: ${body}\n\n`;
            user.kept.push({ id, frame });
            if (user.kept.length > 1000) user.kept.shift();
            for (const client of user.clients) client.write(frame);
            response.writeHead(202).end();
        });
    } else if (url.pathname === "/subscribe") {
        response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" }).write("retry: 1000\n\n");
        const last = Number(request.headers["last-event-id"] ?? user.next - 1);
        for (const { id, frame } of user.kept) if (id > last) response.write(frame);
        user.clients.add(response);
        response.on("close", () => user.clients.delete(response));
    } else response.writeHead(404).end();
}).listen(Number(process.argv[2]), "127.0.0.1", 4096);
