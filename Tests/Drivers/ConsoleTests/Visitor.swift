import Bytes
import HTTP
import HTTP1
import JSON
import Peers
import Transport

/// A client on one connection.
final class Visitor {
    let driver: StreamDriver
    /// It serves for as long as somebody visits.
    private let console: TestConsole?
    /// Octets of answers that were read.
    private var readCount = 0

    init(_ address: SocketAddress, of console: TestConsole? = nil) throws {
        self.console = console
        driver = try StreamDriver(Stream.connect(to: address).stream)
    }

    deinit { driver.stream.close() }

    @discardableResult
    func send(_ text: String) -> Bool { driver.send(text) }

    /// The next answer, which may be an interim one.
    func next(isHead: Bool = false) throws -> Reply {
        var reply: Reply?
        try driver.run { driver in
            let rest = Array(driver.received[self.readCount...])
            reply = try Reply(rest, isHead: isHead)
            if reply == nil, let ending = driver.ending { throw Ended(ending: ending, rest: rest) }
            return reply != nil
        }
        guard let reply else { throw Ended(ending: .end(0), rest: []) }
        readCount += reply.size
        return reply
    }

    /// Waits for the end of the connection.
    /// - Returns: what came before it and was not read.
    @discardableResult
    func end() throws -> String {
        try driver.run { $0.ending != nil }
        return driver.received[readCount...].text
    }

    struct Ended: Error {
        var ending: Stream.ReceiveResult
        var rest: [UInt8]
    }
}

/// An answer, as a client reads it.
struct Reply {
    var status: Int
    var fields: Fields
    var body: [UInt8]
    /// Octets of all of it.
    var size: Int

    /// Nil when there is more to come.
    init?(_ octets: [UInt8], isHead: Bool) throws {
        var index = 0
        var heads = ResponseHeadDecoder()
        guard let head = try heads.decode(octets.span, at: &index) else { return nil }
        var decoder = BodyDecoder(try head.bodyFraming(requestMethod: isHead ? .head : .get))
        body = []
        while !decoder.isComplete {
            switch try decoder.decode(octets.span, at: &index) {
            case .data(let range): body += octets[range]
            case .end: break
            case nil: return nil
            }
        }
        status = head.status
        fields = head.fields
        size = index
    }

    var text: String { body[...].text }

    func field(_ name: String) -> String? { fields.text(named: name) }

    var json: JSONValue? { try? JSONValue.decode(body.span) }

    func member(_ name: String) -> JSONValue? { json?.object?[name] }

    /// `detail` of a problem.
    var detail: String? { member("detail")?.string }
}

extension ArraySlice where Element == UInt8 {
    var text: String { String(decoding: self, as: UTF8.self) }
}
