import Crypto
import Foundation
import Peers
import Settings

/// An issuer's web server, in Python: real TLS, real HTTP.
final class KeySetServer {
    let authority: CertificateAuthority
    private(set) var port: UInt16 = 0
    private let folder: TemporaryFolder
    private var process: ChildProcess

    /// - Parameters:
    ///   - days: until its certificate expires.
    ///   - names: that its certificate is for.
    init(
        days: Int = 2, names: String = "DNS:localhost,IP:127.0.0.1"
    ) throws {
        folder = try TemporaryFolder()
        authority = try CertificateAuthority()
        let identity = try authority.issue("issuer", subjects: names, days: days)
        _ = try folder.write(identity.certificate, to: "chain.pem")
        _ = try folder.write(identity.key, to: "key.pem")
        _ = try folder.write(authority.root.certificate, to: "ca.pem")
        _ = try folder.write(Array(Self.program.utf8), to: "server.py")
        process = try Self.start(folder, port: 0)
        port = try Self.port(of: process)
    }

    deinit { process.end() }

    var authorityPath: String { folder.path("ca.pem") }

    /// What it answers, from now on.
    func publish(_ keys: [String]) throws {
        try publish(text: #"{"keys":[\#(keys.joined(separator: ","))]}"#)
    }

    func publish(text: String) throws {
        let place = URL(filePath: folder.path("keys.json"))
        try Data(text.utf8).write(to: place, options: .atomic)
    }

    /// Nobody listens any more.
    func goDown() throws {
        process.end()
        try process.wait()
    }

    /// The same, at the same port.
    func comeBack() throws {
        process = try Self.start(folder, port: port)
        _ = try Self.port(of: process)
    }

    /// A set of it.
    func set(
        _ target: String = "/keys", host: String = "localhost",
        _ change: (inout RemoteKeySet) -> Void = { _ in }
    ) -> RemoteKeySet {
        var set = RemoteKeySet(url: "https://\(host):\(port)\(target)", host: host)
        set.port = port
        set.target = target
        set.authorityPath = authorityPath
        // For a machine that has much else to do.
        set.timeout = .seconds(20)
        change(&set)
        return set
    }

    /// The requests since it was started: method, target, and fields one by one.
    var requests: [String] {
        process.output.split(separator: "\n").map(String.init).filter { $0.hasPrefix("GET ") }
    }

    private static func start(_ folder: TemporaryFolder, port: UInt16) throws -> ChildProcess {
        try ChildProcess(["python3", "-u", folder.path("server.py"), folder.path(""), "\(port)"])
    }

    private static func port(of process: ChildProcess) throws -> UInt16 {
        while true {
            let line = process.output.split(separator: "\n").first { $0.hasPrefix("PORT ") }
            // Only a whole line: another one follows it at once.
            if let line, process.output.contains("READY"), let port = UInt16(line.dropFirst(5)) {
                return port
            }
            try process.checkPatience()
        }
    }

    private static let program = #"""
        import http.server, os, ssl, sys, time

        folder, port = sys.argv[1], int(sys.argv[2])


        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def head(self, status, **fields):
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()

            def do_GET(self):
                fields = "; ".join(f"{name}: {value}" for name, value in self.headers.items())
                # In one piece: other threads write too.
                os.write(1, f"GET {self.path} {fields}\n".encode())
                path, _, query = self.path.partition("?")
                name, _, rest = path[1:].partition("/")
                with open(folder + "/keys.json", "rb") as file:
                    keys = file.read()
                getattr(self, "at_" + name)(keys, rest, query)

            def at_keys(self, keys, age, query):
                cache = {"Cache_Control": f"max-age={age}"} if age else {}
                self.head(200, Content_Length=len(keys), **cache)
                self.wfile.write(keys)

            def at_chunked(self, keys, rest, query):
                self.head(200, Transfer_Encoding="chunked")
                for octet in keys:
                    self.wfile.write(b"1\r\n%c\r\n" % octet)
                self.wfile.write(b"0\r\n\r\n")

            def at_close(self, keys, rest, query):
                self.head(200, Connection="close")
                self.wfile.write(keys)
                self.close_connection = True

            def at_early(self, keys, rest, query):
                self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
                self.at_keys(keys, "", "")

            def at_redirect(self, keys, rest, query):
                count = int(rest)
                place = f"/redirect/{count - 1}" if count > 1 else "/keys"
                self.head(307, Location=place, Content_Length=0)

            def at_to(self, keys, rest, query):
                self.head(302, Location=query, Content_Length=0)

            def at_nowhere(self, keys, rest, query):
                self.head(301, Content_Length=0)

            def at_status(self, keys, rest, query):
                self.head(int(rest), Content_Length=0)

            def at_silent(self, keys, rest, query):
                time.sleep(60)

            def at_slow(self, keys, rest, query):
                self.head(200, Content_Length=len(keys))
                for octet in keys:
                    self.wfile.write(bytes([octet]))
                    time.sleep(0.3)

            def at_huge(self, keys, rest, query):
                self.head(200, Content_Length=1 << 40)

            def at_endless(self, keys, rest, query):
                self.head(200, Transfer_Encoding="chunked")
                while True:
                    self.wfile.write(b"1000\r\n" + b" " * 4096 + b"\r\n")

            def at_short(self, keys, rest, query):
                self.head(200, Content_Length=len(keys) + 1, Connection="close")
                self.wfile.write(keys)
                self.close_connection = True

            def at_gzip(self, keys, rest, query):
                self.head(200, Content_Length=len(keys), Content_Encoding="gzip")
                self.wfile.write(keys)

            def at_garbage(self, keys, rest, query):
                self.wfile.write(b"SSH-2.0-server\r\n\r\n")

            def at_html(self, keys, rest, query):
                self.head(200, Content_Length=6)
                self.wfile.write(b"<html>")

            def at_empty(self, keys, rest, query):
                self.head(200, Content_Length=11)
                self.wfile.write(b'{"keys":[]}')


        class Server(http.server.ThreadingHTTPServer):
            def get_request(self):
                socket, address = super().get_request()
                # The handshake is the business of the connection's own thread.
                return tls.wrap_socket(
                    socket, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, address):
                pass


        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder + "/chain.pem", folder + "/key.pem")
        server = Server(("127.0.0.1", port), Handler)
        print("PORT", server.server_address[1], flush=True)
        print("READY", flush=True)
        server.serve_forever()
        """#
}
