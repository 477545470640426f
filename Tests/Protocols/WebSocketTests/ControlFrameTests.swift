import Testing

@testable import WebSocket

@Suite("Control frames")
struct ControlFrameTests {
    @Test(
        "legal close codes pass",
        arguments: [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
            4000, 4999,
        ] as [UInt16])
    func legal(code: UInt16) throws {
        #expect(CloseCode.isLegal(code))
        for from in [Endpoint.client, .server] {
            let payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
            let outcome = relay(frame(from, .close, payload), from: from)
            #expect(outcome.controls.map(\.closeCode) == [code])
        }
    }

    @Test(
        "codes that must not be on the wire are protocol errors",
        arguments: [
            0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
        ] as [UInt16])
    func illegal(code: UInt16) {
        #expect(!CloseCode.isLegal(code))
        for from in [Endpoint.client, .server] {
            let payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
            let outcome = relay(frame(from, .close, payload), from: from)
            #expect(outcome.error == .closeCodeIllegal && outcome.controls.isEmpty)
        }
    }

    @Test(
        "close reasons are whole UTF-8",
        arguments: [
            ([], true), (Array("bye".utf8), true), (Array("안녕 👋".utf8), true),
            ([0xF4, 0x8F, 0xBF, 0xBF], true), ([UInt8](repeating: 0x61, count: 123), true),
            ([0x80], false), ([0xC0, 0x80], false), ([0xED, 0xA0, 0x80], false),
            ([0xF4, 0x90, 0x80, 0x80], false), ([0x61, 0xE2, 0x82], false),
        ] as [([UInt8], Bool)])
    func reasons(reason: [UInt8], isLegal: Bool) {
        let outcome = relay(frame(.client, .close, [0x0F, 0xA1] + reason), from: .client)
        #expect(outcome.error == (isLegal ? nil : .closeReasonNotText))
        if isLegal {
            #expect(outcome.controls.map(\.closeCode) == [4001])
            #expect(
                outcome.controls.map(\.closeReason) == [String(decoding: reason, as: UTF8.self)])
        }
    }

    @Test("a close frame may be empty; pings and pongs have no code")
    func noCode() {
        let close = relay(frame(.server, .close), from: .server).controls
        #expect(close == [ControlFrame(.close)])
        #expect(close.first?.closeCode == nil && close.first?.closeReason == "")
        let ping = ControlFrame(.ping, payload: [0x03, 0xE8, 0x61])
        #expect(ping.closeCode == nil && ping.closeReason == "")
    }

    @Test("control frames of every size are put together from any cut", arguments: Cut.several)
    func sizes(cut: Cut) {
        for from in [Endpoint.client, .server] {
            let payloads = [0, 1, 2, 4, 5, 124, 125].map { [UInt8](repeating: 0x5A, count: $0) }
            let wire = payloads.flatMap { frame(from, .ping, $0) + frame(from, .pong, $0) }
            let expected = payloads.flatMap {
                [ControlFrame(.ping, payload: $0), ControlFrame(.pong, payload: $0)]
            }
            #expect(relay(wire, from: from, cut: cut).controls == expected)
            #expect(assemble(wire, from: from, cut: cut).controls == expected)
        }
    }

    @Test("every error has a protocol, payload or size close code and words")
    func errors() {
        for error in WebSocketError.allCases {
            #expect([1002, 1007, 1009].contains(error.closeCode))
            #expect(!error.description.isEmpty)
        }
        #expect(
            Set(WebSocketError.allCases.map(\.description)).count == WebSocketError.allCases.count)
    }
}
