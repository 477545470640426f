import Clock
import HTTP
import Locks
import Settings
import Testing
import Transport

@testable import Console

let token = "correct horse battery staple"

func settings(
    _ address: SocketAddressSettings = .ip(address: "127.0.0.1", port: 0), token: String = token
) -> ConsoleSettings {
    ConsoleSettings(address: address, token: Secret(Array(token.utf8)))
}

/// A console that runs, and what its log is told.
final class TestConsole {
    struct TookTooLong: Error {}

    let server: ConsoleServer
    private(set) var address: SocketAddress
    private var current: ConsoleSettings?
    private let lines: Guarded<[ConsoleNotice]>

    init(
        _ endpoints: [ConsoleEndpoint] = TestEndpoints.all,
        limits change: (inout ConsoleLimits) -> Void = { _ in }
    ) throws {
        var limits = ConsoleLimits()
        change(&limits)
        let lines = Guarded<[ConsoleNotice]>([])
        self.lines = lines
        server = try ConsoleServer(endpoints: endpoints, limits: limits) { notice in
            lines.withLock { $0.append(notice) }
        }
        address = .unix(path: "")
        try reload(settings())
    }

    deinit { server.stop() }

    var notices: [ConsoleNotice] { lines.withLock { $0 } }

    /// As a reload does it.
    func reload(_ settings: ConsoleSettings?) throws {
        let prepared = try PreparedConsole.prepare(settings, inPlaceOf: current)
        if let bound = prepared?.address { address = bound }
        current = settings
        server.adopt(prepared)
    }

    func visit() throws -> Visitor { try Visitor(address, of: self) }

    /// One request on a connection of its own.
    func ask(
        _ method: String, _ target: String, fields: [String] = [], json: String? = nil,
        token: String? = token
    ) throws -> Reply {
        let visitor = try visit()
        visitor.send(request(method, target, fields: fields, json: json, token: token))
        return try visitor.next(isHead: method == "HEAD")
    }

    /// Waits until the log was told something.
    func waitForNotice(_ isMeant: (ConsoleNotice) -> Bool) throws {
        let deadline = SystemClock.now() + .seconds(20)
        let poller = try Poller()
        while !notices.contains(where: isMeant) {
            guard SystemClock.now() < deadline else { throw TookTooLong() }
            _ = poller.wait(milliseconds: 5)
        }
    }
}

/// A request as a client writes it.
func request(
    _ method: String, _ target: String, fields: [String] = [], json: String? = nil,
    token: String? = token
) -> String {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: console\r\n"
    if let token { text += "Authorization: Bearer \(token)\r\n" }
    for field in fields { text += field + "\r\n" }
    if let json {
        text += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n"
        return text + json
    }
    return text + "\r\n"
}
