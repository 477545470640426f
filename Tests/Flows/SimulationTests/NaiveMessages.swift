/// What somebody was sent on a connection of HTTP/1, read as simply as can be: a reference that has
/// no code in common with `HTTP1`.
struct NaiveMessages {
    /// A request or a response, as far as it has come.
    struct Message {
        var line: String
        var fields: [String: String]
        var body: [UInt8] = []
        var isWhole = false

        /// The status of a response.
        var status: Int { Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        var target: String { String(line.split(separator: " ").dropFirst().first ?? "") }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private enum Framing {
        case none
        case length(Int)
        case chunkLine
        case chunk(Int)
        case trailers
        case untilEnd
    }

    let areResponses: Bool
    private(set) var messages: [Message] = []
    private(set) var isTunnel = false
    private var framing: Framing?
    private(set) var rest: [UInt8] = []
    /// Why what came is no HTTP/1.
    private(set) var fault: String?

    init(areResponses: Bool) { self.areResponses = areResponses }

    /// The message that has begun and is not whole.
    var isWithin: Bool { framing != nil }

    /// From here on other octets come, which `takeTunnelled` hands out.
    mutating func becomeTunnel() { isTunnel = true }

    mutating func takeTunnelled() -> [UInt8] {
        guard isTunnel else { return [] }
        defer { rest = [] }
        return rest
    }

    mutating func take(_ octets: [UInt8]) {
        rest += octets
        while fault == nil, !isTunnel, advance() {}
    }

    /// The sender has finished sending.
    mutating func ended() {
        guard case .untilEnd = framing else { return }
        messages[messages.count - 1].isWhole = true
        framing = nil
    }

    // MARK: One step

    /// False when more is needed.
    private mutating func advance() -> Bool {
        guard let framing else { return takeHead() }
        switch framing {
        case .none:
            whole()
        case .length(let count):
            if count == 0 {
                whole()
                return true
            }
            return takeBody(atMost: count) { .length(count - $0) }
        case .chunk(let count):
            if count == 0 {
                guard let line = takeLine() else { return false }
                if !line.isEmpty { fault = "no end of a chunk" }
                self.framing = .chunkLine
                return true
            }
            return takeBody(atMost: count) { .chunk(count - $0) }
        case .chunkLine:
            guard let line = takeLine() else { return false }
            guard let size = Int(line, radix: 16) else {
                fault = "no size of a chunk: \(line)"
                return false
            }
            self.framing = size == 0 ? .trailers : .chunk(size)
        case .trailers:
            guard let line = takeLine() else { return false }
            if line.isEmpty { whole() }
        case .untilEnd: return takeBody(atMost: .max) { _ in .untilEnd }
        }
        return true
    }

    private mutating func whole() {
        messages[messages.count - 1].isWhole = true
        framing = nil
    }

    private mutating func takeBody(atMost count: Int, _ next: (Int) -> Framing) -> Bool {
        if rest.isEmpty { return false }
        let part = rest.prefix(count)
        messages[messages.count - 1].body += part
        rest.removeFirst(part.count)
        framing = next(part.count)
        return true
    }

    private mutating func takeLine() -> String? {
        guard let end = rest.firstIndex(of: 10) else { return nil }
        let line = String(decoding: rest[..<end].filter { $0 != 13 }, as: UTF8.self)
        rest.removeFirst(end + 1)
        return line
    }

    private mutating func takeHead() -> Bool {
        var end = 0
        while end + 3 < rest.count, rest[end..<(end + 4)] != [13, 10, 13, 10] { end += 1 }
        guard end + 3 < rest.count else { return false }
        let lines = String(decoding: rest[..<end], as: UTF8.self)
            .split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        rest.removeFirst(end + 4)
        var message = Message(line: lines[0], fields: [:])
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                fault = "no field line: \(line)"
                return false
            }
            message.fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        if areResponses, !message.line.hasPrefix("HTTP/1.1 ") {
            fault = "no status line: \(message.line)"
            return false
        }
        begin(message)
        return true
    }

    private mutating func begin(_ message: Message) {
        if areResponses, message.status < 200, message.status != 101 { return }
        messages.append(message)
        if areResponses, message.status == 101 {
            messages[messages.count - 1].isWhole = true
            isTunnel = true
            return
        }
        if message.fields["transfer-encoding"] != nil {
            framing = .chunkLine
        } else if let length = message.fields["content-length"].flatMap({ Int($0) }) {
            framing = .length(length)
        } else {
            framing = areResponses && message.status != 204 ? .untilEnd : Framing.none
        }
    }
}

/// Frames of a WebSocket (RFC 6455 §5.2), read as simply as can be: whole messages, the close
/// frame, and what breaks the rules of senders.
struct NaiveFrames {
    let isMasked: Bool
    private(set) var messages: [String] = []
    private(set) var hasClosed = false
    private(set) var closeCode: Int?
    private(set) var fault: String?
    private(set) var pings: [[UInt8]] = []
    private var rest: [UInt8] = []
    private var message: [UInt8]?

    init(isMasked: Bool) { self.isMasked = isMasked }

    /// A message, or a frame, has begun and not ended.
    var isWithin: Bool { message != nil || !rest.isEmpty }

    mutating func takePings() -> [[UInt8]] {
        defer { pings = [] }
        return pings
    }

    mutating func take(_ octets: [UInt8]) {
        rest += octets
        if hasClosed, !octets.isEmpty { fault = "octets behind a close frame" }
        while fault == nil, let (first, payload) = takeFrame() { read(first, payload) }
    }

    private mutating func read(_ first: UInt8, _ payload: [UInt8]) {
        if hasClosed { fault = "a frame behind a close frame" }
        let isFinal = first & 0x80 != 0
        switch first & 0x0F {
        case 8:
            hasClosed = true
            if payload.count >= 2 { closeCode = Int(payload[0]) << 8 | Int(payload[1]) }
        case 9: pings.append(payload)
        case 10: break
        case 0:
            guard let begun = message else { return fault = "a fragment of nothing" }
            message = isFinal ? nil : begun + payload
            if isFinal { messages.append(String(decoding: begun + payload, as: UTF8.self)) }
        case 1, 2:
            if message != nil { fault = "a message within another" }
            message = isFinal ? nil : payload
            if isFinal { messages.append(String(decoding: payload, as: UTF8.self)) }
        case let opcode: fault = "opcode \(opcode)"
        }
    }

    private mutating func takeFrame() -> (UInt8, [UInt8])? {
        guard rest.count >= 2 else { return nil }
        if (rest[1] & 0x80 != 0) != isMasked {
            fault = "masked or not"
            return nil
        }
        var length = Int(rest[1] & 0x7F)
        var start = 2
        if length >= 126 {
            let size = length == 126 ? 2 : 8
            guard rest.count >= 2 + size else { return nil }
            length = rest[2..<(2 + size)].reduce(0) { $0 << 8 | Int($1) }
            start += size
        }
        let keySize = isMasked ? 4 : 0
        guard rest.count >= start + keySize + length else { return nil }
        let key = Array(rest[start..<(start + keySize)])
        start += keySize
        var payload = Array(rest[start..<(start + length)])
        if isMasked { for index in payload.indices { payload[index] ^= key[index & 3] } }
        let first = rest[0]
        rest.removeFirst(start + length)
        return (first, payload)
    }

    /// A frame as it goes on the wire.
    static func frame(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool
    ) -> [UInt8] {
        let mask: UInt8 = isMasked ? 0x80 : 0
        var octets = [(isFinal ? 0x80 : 0) | opcode]
        if payload.count < 126 {
            octets.append(mask | UInt8(payload.count))
        } else {
            let size = payload.count <= 0xFFFF ? 2 : 8
            octets.append(mask | (size == 2 ? 126 : 127))
            octets += (1...size).map {
                UInt8(truncatingIfNeeded: payload.count >> (8 * (size - $0)))
            }
        }
        guard isMasked else { return octets + payload }
        let key: [UInt8] = [0x11, 0x22, 0x44, 0x88]
        return octets + key + payload.indices.map { payload[$0] ^ key[$0 & 3] }
    }
}
