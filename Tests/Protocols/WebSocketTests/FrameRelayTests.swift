import Testing

@testable import WebSocket

@Suite("Frame relay")
struct FrameRelayTests {
    static let senders: [Endpoint] = [.client, .server]

    @Test("data frames that stand together are one run", arguments: senders)
    func oneRun(from: Endpoint) throws {
        let wire =
            frame(from, .text, Array("Hel".utf8), fin: false)
            + frame(from, .continuation, Array("lo".utf8)) + frame(from, .binary, [])
            + frame(from, .binary, [UInt8](repeating: 7, count: 70_000))
        var relay = FrameRelay(from: from)
        var index = 0
        guard case .forward(let run) = try relay.decode(wire.span, at: &index) else {
            Issue.record("no run")
            return
        }
        #expect(run == 0..<wire.count && index == wire.count)
        #expect(try relay.decode(wire.span, at: &index) == nil)
        #expect(relay.isBetweenMessages && relay.messageCount == 3)
    }

    @Test("a run ends where a control frame begins and goes on behind it", arguments: senders)
    func aroundControl(from: Endpoint) throws {
        let first = frame(from, .text, [1, 2, 3], fin: false)
        let ping = frame(from, .ping, [9, 9])
        let last = frame(from, .continuation, [4])
        let wire = first + ping + last
        var relay = FrameRelay(from: from)
        var index = 0
        guard case .forward(0..<first.count) = try relay.decode(wire.span, at: &index) else {
            Issue.record("no first run")
            return
        }
        #expect(relay.isBetweenFrames && !relay.isBetweenMessages)
        guard case .control(let control) = try relay.decode(wire.span, at: &index) else {
            Issue.record("no control frame")
            return
        }
        #expect(control == ControlFrame(.ping, payload: [9, 9]))
        let rest = first.count + ping.count
        guard case .forward(rest..<wire.count) = try relay.decode(wire.span, at: &index) else {
            Issue.record("no last run")
            return
        }
        #expect(relay.isBetweenMessages)
    }

    @Test("a payload goes on as far as it is there; the frame ends with its last octet")
    func inPieces() throws {
        let wire = frame(.client, .text, [UInt8](repeating: 1, count: 100))
        var relay = FrameRelay(from: .client)
        var states: [Bool] = []
        for piece in [0..<50, 50..<105, 105..<106] {
            var index = 0
            let input = wire.span.extracting(piece)
            guard case .forward(let run) = try relay.decode(input, at: &index) else {
                Issue.record("no run")
                return
            }
            #expect(run == 0..<piece.count)
            states.append(relay.isBetweenFrames)
        }
        #expect(states == [false, false, true])
    }

    @Test("a header in two inputs is held back until it is known to be good")
    func heldHeader() throws {
        let wire = frame(.client, .text, [UInt8](repeating: 1, count: 300))
        for cut in 1..<8 {
            var relay = FrameRelay(from: .client)
            var index = 0
            #expect(try relay.decode(wire.span.extracting(0..<cut), at: &index) == nil)
            #expect(index == cut)
            // Nothing was forwarded, so the other side still is between messages.
            #expect(relay.isBetweenMessages)
            index = cut
            guard case .forwardHeader(let header) = try relay.decode(wire.span, at: &index)
            else {
                Issue.record("no header")
                return
            }
            #expect(header.array == Array(wire.prefix(8)) && index == 8)
            #expect(!relay.isBetweenFrames)
            guard case .forward(8..<308) = try relay.decode(wire.span, at: &index) else {
                Issue.record("no payload")
                return
            }
            #expect(relay.isBetweenMessages)
        }
    }

    @Test("data and control frames behind a close frame are ignored", arguments: senders)
    func afterClose(from: Endpoint) throws {
        let close = frame(from, .close, [0x03, 0xE8] + Array("bye".utf8))
        let wire = frame(from, .text, [1]) + close
        let behind = frame(from, .text, [2]) + frame(from, .ping, [3]) + [0xFF, 0xFF]
        for cut in Cut.several {
            let outcome = relay(wire + behind, from: from, cut: cut)
            #expect(outcome == relay(wire, from: from))
            #expect(outcome.error == nil)
            #expect(outcome.controls.map(\.closeCode) == [1000])
            #expect(outcome.controls.map(\.closeReason) == ["bye"])
        }
        var relay = FrameRelay(from: from)
        var index = 0
        _ = try relay.decode(close.span, at: &index)
        #expect(relay.isClosed)
        #expect(try relay.decode(behind.span, at: &index) == nil)
    }

    @Test("what is good in front of a violation is forwarded, then nothing any more")
    func dead() throws {
        let good = frame(.client, .text, [1, 2, 3])
        let wire = good + frame(.server, .text, [4]) + good
        for cut in Cut.several {
            let outcome = relay(wire, from: .client, cut: cut)
            #expect(outcome.octets == good && outcome.error == .maskMissing)
        }
        var relay = FrameRelay(from: .client)
        var index = good.count
        #expect(throws: WebSocketError.maskMissing) { try relay.decode(wire.span, at: &index) }
        index = 0
        #expect(throws: WebSocketError.maskMissing) { try relay.decode(wire.span, at: &index) }
        #expect(!relay.isClosed)
    }

    struct Violation: Sendable, CustomTestStringConvertible {
        var name: String
        var frames: @Sendable (Endpoint) -> [UInt8]
        var error: WebSocketError
        var closeCode: UInt16
        var testDescription: String { name }
    }

    /// What is wrong only because of what came before, or because of the payload.
    static let violations: [Violation] = [
        Violation(
            name: "continuation first", frames: { frame($0, .continuation, [1]) },
            error: .continuationWithoutMessage, closeCode: 1002),
        Violation(
            name: "continuation after a whole message",
            frames: { frame($0, .text, [1]) + frame($0, .continuation, [1]) },
            error: .continuationWithoutMessage, closeCode: 1002),
        Violation(
            name: "text within a fragmented message",
            frames: { frame($0, .text, [1], fin: false) + frame($0, .text, [1]) },
            error: .messageWithinMessage, closeCode: 1002),
        Violation(
            name: "binary within a fragmented message, behind a ping",
            frames: {
                frame($0, .text, [], fin: false) + frame($0, .ping) + frame($0, .binary, [1])
            }, error: .messageWithinMessage, closeCode: 1002),
        Violation(
            name: "frame too big", frames: { frame($0, .text, [UInt8](repeating: 1, count: 201)) },
            error: .frameTooBig, closeCode: 1009),
        Violation(
            name: "message too big",
            frames: {
                frame($0, .text, [UInt8](repeating: 1, count: 200), fin: false)
                    + frame($0, .continuation, [UInt8](repeating: 1, count: 99), fin: false)
                    + frame($0, .ping, [1]) + frame($0, .continuation, [1, 2])
            }, error: .messageTooBig, closeCode: 1009),
        Violation(
            name: "close code of one octet", frames: { frame($0, .close, [3]) },
            error: .closeCodeCut, closeCode: 1002),
        Violation(
            name: "close code 1005", frames: { frame($0, .close, [0x03, 0xED]) },
            error: .closeCodeIllegal, closeCode: 1002),
        Violation(
            name: "close reason not UTF-8", frames: { frame($0, .close, [0x03, 0xE8, 0xC3]) },
            error: .closeReasonNotText, closeCode: 1007),
    ]

    @Test(
        "violations have their close codes, for both senders and every cut", arguments: violations)
    func violation(violation: Violation) {
        let limits = FrameLimits(messageSize: 300, frameSize: 200)
        for from in Self.senders {
            let wire = violation.frames(from)
            for cut in Cut.several {
                let relayed = relay(wire, from: from, cut: cut, limits: limits)
                #expect(relayed.error == violation.error)
                #expect(relayed == relay(wire, from: from, limits: limits))
                let assembled = assemble(wire, from: from, cut: cut, limits: limits)
                #expect(assembled.error == violation.error)
            }
        }
        #expect(violation.error.closeCode == violation.closeCode)
    }

    @Test("sizes up to the limits pass, and a new message starts counting anew", arguments: senders)
    func atLimits(from: Endpoint) {
        let limits = FrameLimits(messageSize: 300, frameSize: 200)
        let message =
            frame(from, .text, [UInt8](repeating: 1, count: 200), fin: false)
            + frame(from, .continuation, [UInt8](repeating: 1, count: 100), fin: false)
            + frame(from, .continuation)
        let wire = message + message + frame(from, .binary, [UInt8](repeating: 1, count: 200))
        let outcome = relay(wire, from: from, limits: limits)
        #expect(outcome.error == nil && outcome.octets == wire)
        #expect(
            assemble(wire, from: from, limits: limits).messages.map(\.payload.count) == [
                300, 300, 200,
            ])
    }

    @Test("a length of 2^63-1 is a matter of limits, not of arithmetic")
    func hugeLength() throws {
        let header = FrameHeader(opcode: .binary, payloadLength: .max).octets.array
        #expect(relay(header, from: .server).error == .frameTooBig)
        let limits = FrameLimits(messageSize: .max)
        let outcome = relay(header + [1, 2, 3], from: .server, limits: limits)
        #expect(outcome.error == nil && outcome.octets == header + [1, 2, 3])
        let more =
            frame(.server, .text, [1], fin: false)
            + FrameHeader(opcode: .continuation, payloadLength: .max).octets.array
        #expect(relay(more, from: .server, limits: limits).error == .messageTooBig)
    }

    @Test("compressed messages pass where compression was agreed on", arguments: senders)
    func compressed(from: Endpoint) {
        let wire =
            frame(from, .text, [1, 2], fin: false, rsv1: true) + frame(from, .continuation, [3])
        let outcome = relay(wire, from: from, allowsCompression: true)
        #expect(outcome.octets == wire && outcome.error == nil)
        #expect(relay(wire, from: from).error == .unexpectedCompression)
    }

    @Test("text is not looked at: its UTF-8 is the end points' business")
    func text() {
        let wire = frame(.server, .text, [0xFF, 0xFE])
        #expect(relay(wire, from: .server).octets == wire)
    }

    @Test("an idle relay is a small value")
    func size() {
        #expect(MemoryLayout<FrameRelay>.size <= 128)
    }
}
