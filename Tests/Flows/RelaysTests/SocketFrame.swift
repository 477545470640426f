/// A frame as a test writes it, and as it reads what was sent.
struct SocketFrame: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true
    var isCompressed = false

    static func text(_ text: String) -> SocketFrame { SocketFrame(1, text) }
    static func binary(_ text: String) -> SocketFrame { SocketFrame(2, text) }
    static func ping(_ text: String = "") -> SocketFrame { SocketFrame(9, text) }
    static func pong(_ text: String = "") -> SocketFrame { SocketFrame(10, text) }
    /// Of a text message that goes on.
    static func begin(_ text: String) -> SocketFrame { SocketFrame(1, text, isFinal: false) }
    static func more(_ text: String) -> SocketFrame { SocketFrame(0, text, isFinal: false) }
    static func last(_ text: String) -> SocketFrame { SocketFrame(0, text) }

    static func compressed(_ text: String) -> SocketFrame {
        SocketFrame(1, text, isCompressed: true)
    }

    static func close(_ code: UInt16? = 1000, _ word: String = "") -> SocketFrame {
        let octets = code.map { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] } ?? []
        return SocketFrame(opcode: 8, payload: octets + Array(word.utf8))
    }

    init(opcode: UInt8, payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = false) {
        self.opcode = opcode
        self.payload = payload
        self.isFinal = isFinal
        self.isCompressed = isCompressed
    }

    private init(
        _ opcode: UInt8, _ text: String, isFinal: Bool = true, isCompressed: Bool = false
    ) {
        self.init(
            opcode: opcode, payload: Array(text.utf8), isFinal: isFinal,
            isCompressed: isCompressed)
    }

    /// As it goes on the wire (RFC 6455 §5.2).
    func octets(isMasked: Bool) -> [UInt8] {
        let first = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode
        let mask: UInt8 = isMasked ? 0x80 : 0
        var octets = [first]
        if payload.count < 126 {
            octets.append(mask | UInt8(payload.count))
        } else {
            let count = payload.count <= 0xFFFF ? 2 : 8
            octets.append(mask | (count == 2 ? 126 : 127))
            octets += (1...count).map {
                UInt8(truncatingIfNeeded: payload.count >> (8 * (count - $0)))
            }
        }
        guard isMasked else { return octets + payload }
        let key: [UInt8] = [0x11, 0x22, 0x44, 0x88]
        return octets + key + payload.indices.map { payload[$0] ^ key[$0 & 3] }
    }

    /// `text hello`, `text- he` for the beginning of a message, `close 1000 word`, `text~ …` for
    /// a compressed one. What is long is cut.
    var line: String {
        let names: [UInt8: String] = [
            0: "more", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong",
        ]
        var words = [
            (names[opcode] ?? "?") + (isFinal ? "" : "-") + (isCompressed ? "~" : "")
        ]
        var rest = payload[...]
        if opcode == 8, payload.count >= 2 {
            words.append("\(UInt16(payload[0]) << 8 | UInt16(payload[1]))")
            rest = payload[2...]
        }
        if rest.starts(with: [0x67, 0x77]), opcode > 8 { return words[0] + " ours" }
        if rest.count > 200 { words.append("\(rest.count) octets") }
        if !rest.isEmpty, rest.count <= 200 { words.append(String(decoding: rest, as: UTF8.self)) }
        return words.joined(separator: " ")
    }
}

/// What one side of a dialogue is sent: reads the frames, and whether they keep the rules for
/// senders.
struct SentStream {
    let isMasked: Bool
    /// Octets of a frame that is not whole yet.
    private(set) var rest: [UInt8] = []
    private(set) var isMessageOpen = false
    private(set) var hasClosed = false

    init(isMasked: Bool) { self.isMasked = isMasked }

    var isBetweenMessages: Bool { rest.isEmpty && !isMessageOpen }

    /// The lines of the frames that are whole now.
    mutating func take(_ octets: [UInt8]) -> [String] {
        rest += octets
        var lines: [String] = []
        while let frame = takeFrame() {
            if hasClosed { lines.append("WRONG behind a close frame") }
            if frame.opcode == 8 { hasClosed = true }
            if frame.opcode < 8 {
                if (frame.opcode == 0) != isMessageOpen { lines.append("WRONG fragment") }
                isMessageOpen = !frame.isFinal
            }
            lines.append(frame.line)
        }
        return lines
    }

    private mutating func takeFrame() -> SocketFrame? {
        guard rest.count >= 2 else { return nil }
        var start = 2
        var length = Int(rest[1] & 0x7F)
        let count = length < 126 ? 0 : length == 126 ? 2 : 8
        let keyCount = isMasked ? 4 : 0
        guard rest.count >= 2 + count + keyCount else { return nil }
        if count > 0 { length = rest[2..<(2 + count)].reduce(0) { $0 << 8 | Int($1) } }
        start += count
        let key = Array(rest[start..<(start + keyCount)])
        start += keyCount
        guard rest.count >= start + length else { return nil }
        var payload = Array(rest[start..<(start + length)])
        if isMasked { for index in payload.indices { payload[index] ^= key[index & 3] } }
        let frame = SocketFrame(
            opcode: rest[0] & 0x0F, payload: payload, isFinal: rest[0] & 0x80 != 0,
            isCompressed: rest[0] & 0x40 != 0)
        rest = Array(rest[(start + length)...])
        return frame
    }
}
