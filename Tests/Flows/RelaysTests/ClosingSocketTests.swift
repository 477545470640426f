import Testing

@testable import Relays

@Suite struct ClosingSocketTests {
    private static let mask: [UInt8] = [1, 2, 3, 4]
    /// A masked text message of five octets, as it comes from a client (RFC 6455 §5.2).
    private static let text: [UInt8] = [0x81, 0x85] + mask + [9, 9, 9, 9, 9]
    private static let ping: [UInt8] = [0x89, 0x80] + mask
    private static let close: [UInt8] = [0x88, 0x80] + mask

    @Test(
        arguments: [
            ([], false), (text, false), (text + ping, false), (close, true),
            (text + ping + close, true),
            // A server's frame, which no client sends; an opcode nobody knows.
            ([0x81, 0x01, 0x61], true), ([0x83, 0x80] + mask, true),
        ] as [([UInt8], Bool)])
    func `what comes is forgotten until the client closes or breaks the rules`(
        octets: [UInt8], isOver: Bool
    ) {
        let whole = ClosingSocket()
        let wholeIsOver = whole.clientSent(octets.span)
        #expect(wholeIsOver == isOver)
        let bytewise = ClosingSocket()
        var bytewiseIsOver = false
        for octet in octets where !bytewiseIsOver {
            bytewiseIsOver = bytewise.clientSent([octet].span)
        }
        #expect(bytewiseIsOver == isOver)
    }
}
