import Bytes

/// The values of the opening handshake (RFC 6455 §4).
package enum Handshake {
    /// What `Sec-WebSocket-Accept` is made of: its value is the Base64 of the SHA-1 of these octets
    /// (RFC 6455 §4.2.2). `key` is the value of `Sec-WebSocket-Key`.
    package static func acceptInput(key: Span<UInt8>) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(key.count + 36)
        input.append(copying: key)
        input.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        return input
    }
}

/// The subprotocols a client offers, first choice first (RFC 6455 §11.3.4).
package struct SubprotocolList: Sendable, Equatable {
    /// More than any client offers.
    package static let limit = 64

    package private(set) var names: [String] = []

    package init() {}

    /// Reads the value of one `Sec-WebSocket-Protocol` line; several lines make one list. Elements
    /// are tokens, each offered once; empty elements are passed over (RFC 9110 §5.6.1.2), also when
    /// there are no others.
    package mutating func read(_ value: Span<UInt8>) throws(HandshakeError) {
        var start = 0
        while start <= value.count {
            let end = value.firstIndex(of: UInt8(ascii: ","), from: start) ?? value.count
            let element = value.trimmingWhitespace(start..<end)
            start = end + 1
            guard !element.isEmpty else { continue }
            for index in element where !ASCII.isToken(value[index]) {
                throw .malformedSubprotocols
            }
            let name = value.extracting(element).text
            guard !names.contains(name) else { throw .duplicateSubprotocol }
            guard names.count < Self.limit else { throw .tooManySubprotocols }
            names.append(name)
        }
    }
}
