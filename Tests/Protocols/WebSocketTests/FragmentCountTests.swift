import Testing

@testable import WebSocket

@Suite("Fragments of a message")
struct FragmentCountTests {
    static let senders: [Endpoint] = [.client, .server]
    static let limits = FrameLimits(messageSize: 100, fragmentCount: 4)

    /// A message in so many frames, with a ping in front of each.
    private func message(_ count: Int, _ payload: [UInt8], from: Endpoint) -> [UInt8] {
        var wire: [UInt8] = []
        for number in 0..<count {
            wire += frame(from, .ping, [UInt8(number)])
            let opcode = number == 0 ? Opcode.text : .continuation
            wire += frame(from, opcode, payload, fin: number == count - 1)
        }
        return wire
    }

    @Test("as many as the limit pass, and the next message counts anew", arguments: senders)
    func atLimit(from: Endpoint) {
        for payload in [[], [0x61]] as [[UInt8]] {
            let wire =
                message(4, payload, from: from) + message(1, payload, from: from)
                + message(4, payload, from: from)
            for cut in Cut.several {
                let relayed = relay(wire, from: from, cut: cut, limits: Self.limits)
                #expect(relayed.error == nil && relayed.controls.count == 9)
                let assembled = assemble(wire, from: from, cut: cut, limits: Self.limits)
                let sizes = [4, 1, 4].map { $0 * payload.count }
                #expect(assembled.messages.map(\.payload.count) == sizes)
            }
        }
    }

    @Test("one more is refused with 1009, also when all are empty", arguments: senders)
    func overLimit(from: Endpoint) {
        for payload in [[], [0x61]] as [[UInt8]] {
            // Four of five frames: the last of its message is not among them.
            let count = message(4, payload, from: from).count
            let start = Array(message(5, payload, from: from).prefix(count))
            for isFinal in [true, false] {
                let wire = start + frame(from, .continuation, payload, fin: isFinal)
                for cut in Cut.several {
                    let relayed = relay(wire, from: from, cut: cut, limits: Self.limits)
                    #expect(relayed.error == .tooManyFragments)
                    #expect(relayed == relay(wire, from: from, limits: Self.limits))
                    #expect(relayed.controls.count == 4)
                    let assembled = assemble(wire, from: from, cut: cut, limits: Self.limits)
                    #expect(assembled.error == .tooManyFragments && assembled.messages.isEmpty)
                }
            }
        }
        #expect(WebSocketError.tooManyFragments.closeCode == 1009)
    }

    @Test("by default 16384 frames, whatever their sizes")
    func byDefault() {
        #expect(FrameLimits() == FrameLimits(messageSize: 1 << 20, fragmentCount: 16384))
        #expect(FrameLimits(messageSize: 7).frameSize == 7)
        let first = frame(.server, .binary, [], fin: false)
        let empty = frame(.server, .continuation, [], fin: false)
        var wire = first
        for _ in 1..<16384 { wire += empty }
        #expect(relay(wire, from: .server).error == nil)
        #expect(relay(wire + empty, from: .server).error == .tooManyFragments)
        #expect(relay(wire + empty, from: .server).forwarded == wire)
    }

    @Test("a limit of one forbids fragments and nothing else", arguments: senders)
    func one(from: Endpoint) {
        let limits = FrameLimits(fragmentCount: 1)
        let whole = frame(from, .text, [0x61]) + frame(from, .binary, []) + frame(from, .text)
        #expect(assemble(whole, from: from, limits: limits).messages.count == 3)
        let cut = frame(from, .text, [0x61], fin: false)
        #expect(assemble(cut, from: from, limits: limits).error == nil)
        #expect(
            assemble(cut + frame(from, .continuation), from: from, limits: limits).error
                == .tooManyFragments)
    }
}
