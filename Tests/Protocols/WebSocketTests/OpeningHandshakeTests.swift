import Bytes
import HTTP
import HTTP1
import Randomness
import Testing
import WebSocket

@Suite("Opening handshake")
struct OpeningHandshakeTests {
    static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    static let version = "Sec-WebSocket-Version: 13"

    private func request(
        _ lines: String..., method: String = "GET", version: String = "1.1"
    ) throws -> RequestHead { try request(lines, method: method, version: version) }

    private func request(
        _ lines: [String], method: String = "GET", version: String = "1.1"
    ) throws -> RequestHead {
        let text =
            "\(method) / HTTP/\(version)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined()
            + "\r\n"
        var decoder = RequestHeadDecoder(limits: .request)
        var index = 0
        return try #require(try decoder.decode([UInt8](text.utf8).span, at: &index))
    }

    @Test("is asked for by a GET of HTTP/1.1 with Connection and Upgrade")
    func asks() throws {
        let connection = "Connection: keep-alive, Upgrade"
        let upgrade = "Upgrade: WebSocket"
        #expect(try request(connection, upgrade).upgradesToWebSocket)
        #expect(try request(connection, "Upgrade: h2c, websocket").upgradesToWebSocket)
        #expect(try !request(connection, upgrade, method: "POST").upgradesToWebSocket)
        #expect(try !request(connection, upgrade, version: "1.0").upgradesToWebSocket)
        #expect(try !request(connection).upgradesToWebSocket)
        #expect(try !request(upgrade).upgradesToWebSocket)
        #expect(try !request(connection, "Upgrade: h2c").upgradesToWebSocket)
    }

    @Test("has one key of 16 octets and version 13", arguments: [[], ["Content-Length: 0"]])
    func valid(more: [String]) throws {
        let handshake = try OpeningHandshake(try request([Self.key, Self.version] + more))
        let input = String(decoding: handshake.acceptInput, as: UTF8.self)
        #expect(input == "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    }

    static let invalid: [([String], HandshakeError, Int)] = [
        ([key], .unsupportedVersion, 426),
        ([key, "Sec-WebSocket-Version: 8"], .unsupportedVersion, 426),
        ([key, "Sec-WebSocket-Version: 13, 8"], .unsupportedVersion, 426),
        ([key, version, version], .unsupportedVersion, 426),
        ([version], .malformedRequest, 400),
        ([version, key, key], .malformedRequest, 400),
        ([version, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="], .malformedRequest, 400),
        ([version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="], .malformedRequest, 400),
        ([version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXg="], .malformedRequest, 400),
        ([version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25!ZQ=="], .malformedRequest, 400),
        ([version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==="], .malformedRequest, 400),
        ([version, key, "Content-Length: 3"], .malformedRequest, 400),
        ([version, key, "Content-Length: x"], .malformedRequest, 400),
        ([version, key, "Transfer-Encoding: chunked"], .malformedRequest, 400),
    ]

    @Test("is refused otherwise", arguments: invalid)
    func refusesOthers(lines: [String], error: HandshakeError, status: Int) throws {
        let head = try request(lines)
        #expect(throws: error) { try OpeningHandshake(head) }
        #expect(error.status == status)
        #expect(error.message.hasSuffix("."))
    }

    private func fields(_ subprotocol: String?) -> String {
        var output: [UInt8] = []
        OpeningHandshake.appendFields(
            accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8.span, subprotocol: subprotocol, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("is answered as RFC 6455 §1.3 shows it")
    func answer() {
        // The SHA-1 that is shown there.
        let digest: [UInt8] = [
            0xB3, 0x7A, 0x4F, 0x2C, 0xC0, 0x62, 0x4F, 0x16, 0x90, 0xF6, 0x46, 0x06, 0xCF, 0x38,
            0x59, 0x45, 0xB2, 0xBE, 0xC4, 0xEA,
        ]
        let accept = OpeningHandshake.accept(digest: digest.span)
        #expect(accept.elementsEqual("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
        let always = "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        #expect(fields(nil) == always)
        #expect(fields("chat") == always + "Sec-WebSocket-Protocol: chat\r\n")
        #expect(fields("a\r\nB: c") == always)
    }

    static let answers: [(status: Int, lines: [String], isProper: Bool)] = [
        (101, ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: xyz="], true),
        (
            101,
            [
                "Upgrade: WebSocket", "Connection: x, upgrade", "Sec-WebSocket-Accept: xyz=",
                "Sec-WebSocket-Protocol: a",
            ], true
        ),
        (200, ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: xyz="], false),
        (101, ["Upgrade: h2c", "Connection: Upgrade", "Sec-WebSocket-Accept: xyz="], false),
        (101, ["Upgrade: websocket", "Connection: close", "Sec-WebSocket-Accept: xyz="], false),
        (101, ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: Xyz="], false),
        (101, ["Upgrade: websocket", "Connection: Upgrade"], false),
        (
            101,
            [
                "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: xyz=",
                "Sec-WebSocket-Accept: xyz=",
            ], false
        ),
        (
            101,
            [
                "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: xyz=",
                "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b",
            ], false
        ),
    ]

    @Test("is completed by a proper 101 only", arguments: answers)
    func completes(status: Int, lines: [String], isProper: Bool) throws {
        let text = "HTTP/1.1 \(status) X\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        var decoder = ResponseHeadDecoder()
        var index = 0
        let head = try #require(try decoder.decode([UInt8](text.utf8).span, at: &index))
        #expect(OpeningHandshake.isCompleted(by: head, accept: "xyz=".utf8.span) == isProper)
    }

    @Test("of a damaged request is proper or refused")
    func damaged() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let sample = [UInt8](
            ("GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade, x\r\nUpgrade: websocket\r\n"
                + "\(Self.version)\r\n\(Self.key)\r\nContent-Length: 0\r\n\r\n").utf8)
        var (proper, refused) = (0, 0)
        for _ in 0..<fuzzIterations {
            let octets = generator.mutated(sample)
            var decoder = RequestHeadDecoder(limits: .request)
            var index = 0
            guard let head = try? decoder.decode(octets.span, at: &index),
                head.upgradesToWebSocket
            else { continue }
            if let handshake = try? OpeningHandshake(head) {
                #expect(handshake.acceptInput.count == 60)
                proper += 1
            } else {
                refused += 1
            }
        }
        #expect(min(proper, refused) > fuzzIterations / 60)
    }
}
