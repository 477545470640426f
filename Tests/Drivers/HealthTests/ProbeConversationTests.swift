import Bytes
import Settings
import Testing
import Upstreams

@testable import Health

/// What a server says to a check, whole and octet by octet.
@Suite struct ProbeConversationTests {
    typealias Verdict = ProbeConversation.Verdict

    private static let nonce = Array("the sample nonce".utf8)

    private static func verdict(
        _ question: CheckSettings.Question, expect: [ClosedRange<Int>] = [200...399],
        _ answer: String, inPieces: Bool, ends: Bool
    ) throws -> Verdict? {
        var settings = CheckSettings(question)
        settings.expected = expect
        var conversation = try ProbeConversation(
            settings, host: "app", preface: [], nonce: nonce)
        conversation.output = []
        if let verdict = conversation.connected(isTaken: true) { return verdict }
        let octets = Array(answer.utf8)
        for piece in inPieces ? octets.map({ [$0] }) : [octets] {
            if let verdict = conversation.received(piece.span) { return verdict }
        }
        return ends ? conversation.inputEnded(isBroken: false) : nil
    }

    struct Row: Sendable {
        var question = CheckSettings.Question.request(method: .get, target: "/")
        var expect = [200...399]
        var answer: String
        /// Nil when nothing is decided yet.
        var verdict: Verdict?
        var ends = false
    }

    private static let socket = CheckSettings.Question.webSocket(target: "/ws")

    /// RFC 6455 §1.3.
    private static let accepted =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    static let rows: [Row] = [
        Row(question: .connection, answer: "", verdict: .passed),
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", verdict: .passed),
        Row(answer: "HTTP/1.1 204 No Content\r\n\r\n", verdict: .passed),
        Row(answer: "HTTP/1.1 399 No\r\nContent-Length: 0\r\n\r\n", verdict: .passed),
        Row(answer: "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n", verdict: .failed(.status(500))),
        Row(answer: "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", verdict: .failed(.status(404))),
        Row(
            expect: [200...200, 404...404], answer: "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
            verdict: .passed),
        Row(
            expect: [200...200], answer: "HTTP/1.1 204 No\r\n\r\n", verdict: .failed(.status(204))),
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", verdict: nil),
        Row(
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", verdict: .failed(.closed),
            ends: true),
        Row(answer: "HTTP/1.1 200 OK\r\n\r\nwhat", verdict: .passed, ends: true),
        Row(answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", verdict: .passed),
        Row(answer: "", verdict: .failed(.closed), ends: true),
        Row(answer: "SSH-2.0-OpenSSH_9.2\r\n", verdict: .failed(.badAnswer)),
        Row(
            question: .request(method: .head, target: "/"),
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", verdict: .passed),
        Row(question: socket, answer: accepted, verdict: nil),
        Row(question: socket, answer: accepted, verdict: .passed, ends: true),
        Row(
            question: socket, answer: accepted.replacing("s3p", with: "s3P"),
            verdict: .failed(.badHandshake)),
        Row(
            question: socket,
            answer: accepted.replacing("Upgrade: websocket", with: "Upgrade: h2c"),
            verdict: .failed(.badAnswer)),
        Row(question: socket, answer: "", verdict: .failed(.closed), ends: true),
        Row(
            question: socket, answer: "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            verdict: .failed(.status(403))),
        Row(
            question: socket, answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            verdict: .failed(.status(200))),
    ]

    @Test(arguments: rows) func `an answer is judged`(row: Row) throws {
        for inPieces in [false, true] {
            let verdict = try Self.verdict(
                row.question, expect: row.expect, row.answer, inPieces: inPieces, ends: row.ends)
            #expect(verdict == row.verdict)
        }
    }

    private static func request(
        _ question: CheckSettings.Question, preface: [UInt8] = []
    ) throws -> String {
        let conversation = try ProbeConversation(
            CheckSettings(question), host: "app.kr", preface: preface, nonce: nonce)
        return String(decoding: conversation.output, as: UTF8.self)
    }

    @Test func `a question says whom it is for, and that it is the last`() throws {
        #expect(try Self.request(.connection).isEmpty)
        #expect(
            try Self.request(.request(method: .head, target: "/a?b"))
                == "HEAD /a?b HTTP/1.1\r\nHost: app.kr\r\nUser-Agent: gateway-check\r\n"
                + "Accept: */*\r\nConnection: close\r\n\r\n")
        #expect(
            try Self.request(Self.socket)
                == "GET /ws HTTP/1.1\r\nHost: app.kr\r\nUser-Agent: gateway-check\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                + "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        #expect(
            try Self.request(.connection, preface: Array("PROXY UNKNOWN\r\n".utf8))
                == "PROXY UNKNOWN\r\n")
    }

    @Test func `a WebSocket is closed as soon as it is open`() throws {
        var conversation = try ProbeConversation(
            CheckSettings(Self.socket), host: "app", preface: [], nonce: Self.nonce)
        conversation.output = []
        _ = conversation.connected(isTaken: true)
        let verdict = conversation.received(Array(Self.accepted.utf8).span)
        #expect(verdict == nil)
        // Masked by the nonce's first octets.
        let mask = Array("the ".utf8)
        #expect(
            conversation.output == [0x88, 0x82] + mask + [0x03 ^ mask[0], 0xE8 ^ mask[1]])
        let outOfTime = conversation.outOfTime
        #expect(outOfTime == .passed, "it was accepted, whatever comes behind it")
    }

    @Test func `what is late says where it was`() throws {
        var conversation = try ProbeConversation(
            CheckSettings(.request(method: .get, target: "/")), host: "app", preface: [],
            nonce: Self.nonce)
        _ = conversation.connected(isTaken: true)
        let silent = conversation.outOfTime
        #expect(silent == .failed(.timeout(.answer)))
        _ = conversation.received(
            Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".utf8).span)
        let paused = conversation.outOfTime
        #expect(paused == .failed(.timeout(.body)))
    }
}
