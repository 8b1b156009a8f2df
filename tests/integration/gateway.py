"""A reverse proxy before a server that fails as proxies do, exactly when told: the way in of the client tests."""
import socket
import struct
import threading


class Gateway:
    """Passes requests on, one connection each way, until `mode` says otherwise:

    "pass"; a status (502): every request is answered so; "refuse": nobody listens; "reset": the connection is reset;
    "swallow": the server gets the request, its answer is thrown away. `base` is taken off the front of every target; what
    does not begin with it is 404. `requests` are the heads that came, `passed` is what the server answered, `cut` ends what is
    open.
    """

    def __init__(self, port, base=""):
        self.upstream, self.base = port, base
        self.mode = "pass"
        self.requests, self.passed, self.open = [], bytearray(), set()
        self.lock = threading.Lock()
        self.listener = self.listen(0)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{base}"

    def listen(self, port):
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
        return listener

    def become(self, mode):
        """The mode of every request from now on; open connections stay as they are."""
        before, self.mode = self.mode, mode
        if mode == "refuse":
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        elif before == "refuse":
            self.listener = self.listen(self.port)

    def cut(self):
        with self.lock:
            sockets = list(self.open)
        for each in sockets:
            shut(each)

    def stop(self):
        if self.mode != "refuse":
            self.become("refuse")
        self.cut()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = None
        with self.lock:
            self.open.add(client)
        try:
            while True:
                head, body = read_request(client)
                if not head:
                    return
                self.requests.append(head.decode())
                mode = self.mode
                if mode == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                target = head.split(b" ")[1]
                if isinstance(mode, int) or not target.startswith(self.base.encode()):
                    status = mode if isinstance(mode, int) else 404
                    client.sendall(b"HTTP/1.1 %d Gateway\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\noops" % status)
                    continue
                if server is None:
                    server = socket.create_connection(("127.0.0.1", self.upstream))
                    with self.lock:
                        self.open.add(server)
                    threading.Thread(target=self.give_back, args=(server, client), daemon=True).start()
                server.sendall(head.replace(target, target[len(self.base):], 1) + body)
        except OSError:
            pass
        finally:
            for each in filter(None, (client, server)):
                with self.lock:
                    self.open.discard(each)
                shut(each)
                each.close()

    def give_back(self, server, client):
        try:
            while data := server.recv(65536):
                if self.mode == "swallow":
                    break
                client.sendall(data)
                self.passed += data
        except OSError:
            pass
        shut(client)
        shut(server)


def shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def read_request(client):
    """One request's head, blank line included, and its body; empty at the connection's end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return b"", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        more = client.recv(65536)
        if not more:
            return b"", b""
        body += more
    return head + b"\r\n\r\n", body
