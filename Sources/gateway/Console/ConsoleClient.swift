import Bytes
import Clock
import Glibc
import HTTP
import HTTP1
import JSON
import Settings
import Transport

/// Asks the console of a running gateway: each request on a connection of its own, waited for.
struct ConsoleClient {
    /// What the console answered, with a status below 400.
    struct Answer {
        var status: Int
        var body: [UInt8]

        /// As the console wrote it.
        var text: String { String(decoding: body, as: UTF8.self) }
        /// Empty where there is no body.
        var object: JSONObject
    }

    /// Why there is no answer, in a sentence without its end.
    struct Failure: Error {
        var text: String
    }

    /// Longer than the console takes for anything.
    private static let patience: Duration = .seconds(30)
    /// What a page of the console has at most, and plenty.
    private static let answerLimit = 64 * 1024 * 1024

    let address: SocketAddress
    private let token: Secret

    init(_ settings: ConsoleSettings) throws(Failure) {
        switch settings.address {
        case .unix(let path): address = .unix(path: path)
        case .ip(let host, let port):
            guard let bound = SocketAddress(numeric: host, port: port), port > 0 else {
                throw Failure(text: "the console has no address to ask at")
            }
            address = bound.reachable
        }
        token = settings.token
    }

    /// - Parameters:
    ///   - path: its segments, which are encoded here.
    ///   - query: what is nil is left out.
    ///   - fields: further field lines; their values must be what a field may hold.
    func ask(
        _ method: String, _ path: [String], _ query: [(name: String, value: String?)] = [],
        fields: [(name: String, value: String)] = [], body: JSONValue? = nil
    ) throws(Failure) -> Answer {
        let octets = request(method, Self.target(path, query), fields, body)
        let reply: Reply
        do throws(SystemError) {
            reply = try exchange(octets)
        } catch {
            throw Failure(
                text: "no console answers at \(address.text): \(error.reason) (is the gateway"
                    + " running, with this 'console'?)")
        }
        guard let status = reply.status, reply.isComplete else {
            throw Failure(text: "the console at \(address.text) broke off")
        }
        guard status < 400 else {
            let problem = (try? JSONValue.decode(reply.body.span))?.object
            let detail = problem?["detail"]?.string ?? "it says no more"
            if status == 401 {
                throw Failure(
                    text: "the console at \(address.text) has another token than the one that"
                        + " 'console { token … }' names here (give this command the environment and"
                        + " the files of the gateway that runs, or reload that)")
            }
            throw Failure(text: "the console refuses (\(status)): \(detail.printable())")
        }
        if reply.body.isEmpty { return Answer(status: status, body: [], object: JSONObject()) }
        guard let object = (try? JSONValue.decode(reply.body.span))?.object else {
            throw Failure(text: "what answers at \(address.text) is no console")
        }
        return Answer(status: status, body: reply.body, object: object)
    }

    // MARK: Requests

    private static func target(
        _ path: [String], _ query: [(name: String, value: String?)]
    ) -> String {
        let pairs = query.compactMap { name, value in value.map { "\(name)=\(encode($0))" } }
        let place = path.map { "/" + encode($0) }.joined()
        return pairs.isEmpty ? place : place + "?" + pairs.joined(separator: "&")
    }

    /// All but what RFC 3986 §2.3 leaves alone.
    private static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for octet in text.utf8 {
            if ASCII.isAlpha(octet) || ASCII.isDigit(octet) || "-._~".utf8.contains(octet) {
                encoded.append(octet)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private func request(
        _ method: String, _ target: String, _ fields: [(name: String, value: String)],
        _ body: JSONValue?
    ) -> [UInt8] {
        var output = Array("\(method) \(target) HTTP/1.1\r\n".utf8)
        var lines = [("Host", "console"), ("Connection", "close")] + fields
        var content: [UInt8] = []
        if let body {
            content.appendJSON(body)
            lines += [
                ("Content-Type", "application/json"), ("Content-Length", String(content.count)),
            ]
        }
        for (name, value) in lines { output += Array("\(name): \(value)\r\n".utf8) }
        output += Array("Authorization: Bearer ".utf8) + token.octets
        return output + Array("\r\n\r\n".utf8) + content
    }

    // MARK: The wire

    /// What has come of an answer.
    private struct Reply: ~Copyable {
        private var decoder = ResponseHeadDecoder()
        private var framing: BodyFraming?
        private(set) var status: Int?
        private(set) var body: [UInt8] = []
        private(set) var isBroken = false

        /// All of it is here; the console says the length of whatever it answers.
        var isComplete: Bool {
            switch framing {
            case .some(.none): true
            case .length(let length): body.count >= length
            case .chunked, .untilClose, nil: false
            }
        }

        mutating func take(_ octets: Span<UInt8>) {
            var index = 0
            do throws(HeadError) {
                while status == nil, index < octets.count {
                    guard let head = try decoder.decode(octets, at: &index) else { return }
                    if head.isInformational { continue }
                    status = head.status
                    framing = try head.bodyFraming(requestMethod: .get)
                }
            } catch {
                isBroken = true
            }
            body.append(copying: octets.extracting(index..<octets.count))
            if body.count > ConsoleClient.answerLimit { isBroken = true }
        }
    }

    private func exchange(_ octets: [UInt8]) throws(SystemError) -> Reply {
        let (stream, isConnected) = try Stream.connect(to: address)
        defer { stream.close() }
        let poller = try Poller()
        try poller.add(stream.descriptor.number, token: 0, interest: .writable)
        let deadline = SystemClock.now() + Self.patience
        if !isConnected {
            try Self.wait(poller, until: deadline)
            try stream.finishConnecting()
        }
        stream.send(octets.span)
        let buffer = ReadBuffer()
        var reply = Reply()
        while !reply.isComplete, !reply.isBroken {
            var wanted = Readiness.readable
            if stream.pendingCount > 0 { wanted.insert(.writable) }
            poller.change(stream.descriptor.number, token: 0, interest: wanted)
            try Self.wait(poller, until: deadline)
            guard stream.flush() else { break }
            switch stream.receive(into: buffer) {
            case .octets(let count): if count > 0 { reply.take(buffer.octets) }
            case .end(let count):
                if count > 0 { reply.take(buffer.octets) }
                return reply
            case .failed: return reply
            }
        }
        return reply
    }

    private static func wait(_ poller: Poller, until deadline: Instant) throws(SystemError) {
        let left = (deadline - SystemClock.now()).wholeMilliseconds
        guard left > 0, poller.wait(milliseconds: Int32(clamping: left)) > 0 else {
            throw SystemError("wait", code: ETIMEDOUT)
        }
    }
}

extension SocketAddress {
    /// Where somebody on this machine finds who listens here.
    fileprivate var reachable: SocketAddress {
        switch self {
        case .ip4([0, 0, 0, 0], let port): .ip4(octets: [127, 0, 0, 1], port: port)
        case .ip6(let octets, let port) where octets.allSatisfy { $0 == 0 }:
            .ip6(octets: Array(repeating: 0, count: 15) + [1], port: port)
        case .ip4, .ip6, .unix: self
        }
    }
}
