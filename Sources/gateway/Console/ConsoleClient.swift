import Bytes
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
                throw Failure(text: "the console has no address to connect to")
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
        var exchange = ConsoleExchange(try fetch(method, Self.target(path, query), fields, body))
        let reply: ConsoleExchange.Reply
        do throws(SystemError) {
            reply = try exchange.run(with: address, atMost: Self.patience)
        } catch {
            throw Failure(
                text:
                    "the console at \(address.text) does not answer: \(error.reason) (is the"
                    + " gateway running with this 'console'?)")
        }
        switch reply {
        case .answer(let status, let body): return try answer(status, body)
        case .tooLarge:
            throw Failure(text: "the answer of the console at \(address.text) is too large")
        case .malformed: throw noConsole
        case .cut: throw Failure(text: "the console at \(address.text) broke off its answer")
        }
    }

    private var noConsole: Failure {
        Failure(text: "what answers at \(address.text) is not a console")
    }

    private func answer(_ status: Int, _ body: [UInt8]) throws(Failure) -> Answer {
        guard status < 400 else {
            let problem = (try? JSONValue.decode(body.span))?.object
            let detail = problem?["detail"]?.string ?? "no further detail"
            if status == 401 {
                throw Failure(
                    text: "the console at \(address.text) does not accept the token that 'console"
                        + " { token … }' names (give this command the environment and the files of"
                        + " the running gateway, or reload the gateway)")
            }
            throw Failure(text: "the console refused (\(status)): \(detail.printable())")
        }
        if body.isEmpty { return Answer(status: status, body: [], object: JSONObject()) }
        guard let object = (try? JSONValue.decode(body.span))?.object else { throw noConsole }
        return Answer(status: status, body: body, object: object)
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

    private func fetch(
        _ method: String, _ target: String, _ fields: [(name: String, value: String)],
        _ body: JSONValue?
    ) throws(Failure) -> HTTPFetch {
        var lines: [UInt8] = []
        var content: [UInt8]?
        var isWritten = HeadEncoder.appendField(name: "Host", value: "console", to: &lines)
        if let body {
            var octets: [UInt8] = []
            octets.appendJSON(body)
            content = octets
            HeadEncoder.appendField(name: "Content-Type", value: "application/json", to: &lines)
        }
        for (name, value) in fields {
            isWritten = HeadEncoder.appendField(name: name, value: value, to: &lines) && isWritten
        }
        let credentials = Array("Bearer ".utf8) + token.octets
        isWritten =
            HeadEncoder.appendField(name: "Authorization", value: credentials.span, to: &lines)
            && isWritten
        let outline = RequestOutline(Method(method.utf8.span), isLast: true)
        guard isWritten,
            let fetch = try? HTTPFetch(
                outline, target: target, lines: lines, content: content,
                bodyLimit: Self.answerLimit)
        else {
            throw Failure(
                text: "the token of 'console', or an argument of the command, cannot be sent")
        }
        return fetch
    }
}

extension SocketAddress {
    /// The address at which a client on this machine reaches a listener of this address.
    fileprivate var reachable: SocketAddress {
        switch self {
        case .ip4([0, 0, 0, 0], let port): .ip4(octets: [127, 0, 0, 1], port: port)
        case .ip6(let octets, let port) where octets.allSatisfy { $0 == 0 }:
            .ip6(octets: Array(repeating: 0, count: 15) + [1], port: port)
        case .ip4, .ip6, .unix: self
        }
    }
}
