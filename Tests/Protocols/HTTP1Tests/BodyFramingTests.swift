import HTTP
import HTTP1
import Testing

@Suite("The length that a response says on its way to a client")
struct RelayedLengthTests {
    /// A request's method, the status and field lines of its response, and what is said of it.
    static let table: [(String, Int, [String], Int?)] = [
        ("GET", 200, ["Content-Length: 22"], 22),
        ("GET", 200, ["Content-Length: 007"], 7),
        ("GET", 200, ["Content-Length: 0"], 0),
        ("GET", 200, ["Transfer-Encoding: chunked"], nil),
        ("GET", 200, [], nil),
        ("HEAD", 200, ["Content-Length: 22"], 22),
        ("HEAD", 200, ["Transfer-Encoding: chunked"], nil),
        ("HEAD", 200, [], nil),
        ("GET", 304, ["Content-Length: 22"], 22),
        ("GET", 304, [], nil),
    ]

    @Test("is its own, also where it has no body", arguments: table)
    func length(method: String, status: Int, lines: [String], length: Int?) throws {
        let text = (["HTTP/1.1 \(status) "] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        let head = try #require(try responseHead(text))
        let framing = try head.bodyFraming(requestMethod: method == "HEAD" ? .head : .get)
        #expect(try head.contentLength(framing) == length)
    }
}

@Suite("Framing of requests")
struct RequestFramingTests {
    @Test("is none, a length or chunked")
    func accepts() throws {
        #expect(try request().bodyFraming() == .none)
        #expect(try request("Content-Length: 0").bodyFraming() == .length(0))
        #expect(try request("Content-Length:  007 ").bodyFraming() == .length(7))
        let padded = "Content-Length: " + String(repeating: "0", count: 18) + "7"
        #expect(try request(padded).bodyFraming() == .length(7))
        let largest = "Content-Length: \(Int.max)"
        #expect(try request(largest).bodyFraming() == .length(.max))
        #expect(try request("Transfer-Encoding: Chunked").bodyFraming() == .chunked)
    }

    static let refused: [([String], String, HeadError)] = [
        (["Content-Length: 5", "Transfer-Encoding: chunked"], "1.1", .conflictingFraming),
        (["Transfer-Encoding: chunked", "Content-Length: 5"], "1.1", .conflictingFraming),
        (["Transfer-Encoding: chunked"], "1.0", .conflictingFraming),
        (["Content-Length: 5", "Content-Length: 5"], "1.1", .conflictingFraming),
        (["Content-Length: 5", "Content-Length: 6"], "1.1", .conflictingFraming),
        (["Content-Length: 5, 5"], "1.1", .illegalContentLength),
        (["Content-Length: +5"], "1.1", .illegalContentLength),
        (["Content-Length: -5"], "1.1", .illegalContentLength),
        (["Content-Length: 0x5"], "1.1", .illegalContentLength),
        (["Content-Length: 5 5"], "1.1", .illegalContentLength),
        (["Content-Length:"], "1.1", .illegalContentLength),
        (["Content-Length: 9223372036854775808"], "1.1", .illegalContentLength),
        (["Content-Length: 99999999999999999999999"], "1.1", .illegalContentLength),
        (["Content-Length: 00000000000000000005"], "1.1", .illegalContentLength),
        (["Transfer-Encoding: gzip, chunked"], "1.1", .unsupportedTransferCoding),
        (["Transfer-Encoding: chunked, chunked"], "1.1", .conflictingFraming),
        (["Transfer-Encoding: chunked, gzip"], "1.1", .conflictingFraming),
        (["Transfer-Encoding: identity"], "1.1", .unsupportedTransferCoding),
        (["Transfer-Encoding: xchunked"], "1.1", .unsupportedTransferCoding),
        (["Transfer-Encoding: chunked;q=1"], "1.1", .unsupportedTransferCoding),
        (["Transfer-Encoding:"], "1.1", .unsupportedTransferCoding),
        (
            ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "1.1",
            .conflictingFraming
        ),
    ]

    @Test("that two readers could understand differently is refused", arguments: refused)
    func refuses(lines: [String], version: String, error: HeadError) throws {
        let text =
            "POST / HTTP/\(version)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let head = try #require(try requestHead(text))
        #expect(throws: error) { try head.bodyFraming() }
        let answer =
            "HTTP/\(version) 200 OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let response = try #require(try responseHead(answer))
        #expect(throws: error) { try response.bodyFraming(requestMethod: .get) }
    }
}

@Suite("Framing of responses")
struct ResponseFramingTests {
    @Test("is none for those that never have a body", arguments: [100, 101, 103, 204, 304])
    func bodiless(status: Int) throws {
        #expect(try response(status).bodyFraming(requestMethod: .get) == .none)
        let sized = try response(status, "Content-Length: 9")
        #expect(try sized.bodyFraming(requestMethod: .post) == .none)
    }

    @Test("is a length, chunked, or until the end of the connection")
    func explicit() throws {
        let sized = try response(200, "Content-Length: 9")
        #expect(try sized.bodyFraming(requestMethod: .get) == .length(9))
        #expect(try sized.bodyFraming(requestMethod: .head) == .none)
        let chunked = try response(200, "Transfer-Encoding: chunked")
        #expect(try chunked.bodyFraming(requestMethod: .get) == .chunked)
        #expect(try chunked.bodyFraming(requestMethod: .head) == .none)
        #expect(try response(200).bodyFraming(requestMethod: .get) == .untilClose)
        #expect(try response(200).bodyFraming(requestMethod: .head) == .none)
    }
}

@Suite("Persistence")
struct PersistenceTests {
    static let table: [(String, [String], Bool)] = [
        ("1.1", [], true), ("1.0", [], false),
        ("1.1", ["Connection: close"], false), ("1.1", ["Connection: Close"], false),
        ("1.1", ["Connection: keep-alive, close"], false),
        ("1.1", ["Connection: x", "Connection: close"], false),
        ("1.1", ["Connection: upgrade"], true), ("1.1", ["Connection: closed"], true),
        ("1.0", ["Connection: Keep-Alive"], true), ("1.0", ["Connection: x"], false),
        ("1.0", ["Connection: keep-alive, close"], false),
        ("1.0", ["Keep-Alive: timeout=5"], false),
    ]

    @Test("follows version and Connection", arguments: table)
    func follows(version: String, lines: [String], persists: Bool) throws {
        let fields = lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let request = try #require(
            try requestHead("GET / HTTP/\(version)\r\nHost: a\r\n" + fields))
        #expect(request.wantsKeepAlive == persists)
        let response = try #require(try responseHead("HTTP/\(version) 200 OK\r\n" + fields))
        #expect(response.allowsKeepAlive == persists)
    }

    @Test("a client waits for 100 only in HTTP/1.1")
    func expectation() throws {
        #expect(try request("Expect: 100-Continue").expectsContinue)
        #expect(try !request("Expect: 100-continue", version: "1.0").expectsContinue)
        #expect(try !request("Expect: tea").expectsContinue)
        #expect(try !request().expectsContinue)
    }
}
