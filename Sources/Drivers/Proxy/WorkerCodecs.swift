internal import Bytes
internal import Deflate
internal import WebSocket

/// The deflaters and the inflater that all connections of a worker share: every message stands for
/// itself (no context takeover), so that a connection keeps no state of zlib's at all.
struct WorkerCodecs {
    /// What makes two deflaters the same.
    struct Parameters: Hashable {
        var level: Int
        var windowBits: Int
        var memoryLevel: Int
    }

    private var deflaters: [Parameters: Deflater] = [:]
    private let inflater = Inflater()
    private var cache: MessageCache
    private var deflated: [UInt8] = []

    /// - Parameter cacheSize: octets of messages and their frames that are kept.
    init(cacheSize: Int) { cache = MessageCache(capacity: cacheSize) }

    /// A reload may have changed it.
    mutating func adopt(cacheSize: Int) {
        if cacheSize != cache.capacity { cache = MessageCache(capacity: cacheSize) }
    }

    /// Appends a message as one frame to `output`, compressed where that makes it shorter. The same
    /// message for many sockets is compressed once.
    /// - Returns: whether it became shorter.
    mutating func appendFrame(
        _ kind: MessageKind, _ message: Span<UInt8>, by parameters: Parameters,
        to output: inout [UInt8]
    ) -> Bool {
        let key = MessageCache.Parameters(
            kind, level: parameters.level, windowBits: parameters.windowBits,
            memoryLevel: parameters.memoryLevel)
        let start = output.count
        let isKnown = cache.withFrame(for: message, key) { output.append(copying: $0) }
        // RSV1 (RFC 7692 §6).
        if isKnown { return output[start] & 0x40 != 0 }
        let deflater = deflater(parameters)
        deflated.removeAll(keepingCapacity: deflated.capacity <= 1 << 20)
        deflater.deflate(message: message, into: &deflated)
        let isShorter = append(kind, message, to: &output)
        cache.insert(message, key, frame: output.span.extracting(start..<output.count))
        return isShorter
    }

    /// As above with windows that are kept from message to message.
    mutating func appendFrame(
        _ kind: MessageKind, _ message: Span<UInt8>, keepingWindowOf deflater: Deflater,
        to output: inout [UInt8]
    ) -> Bool {
        deflated.removeAll(keepingCapacity: deflated.capacity <= 1 << 20)
        deflater.deflate(message: message, into: &deflated)
        let isShorter = append(kind, message, to: &output)
        // The other side will not have this message in its window.
        if !isShorter { deflater.forgetContext() }
        return isShorter
    }

    private func append(
        _ kind: MessageKind, _ message: Span<UInt8>, to output: inout [UInt8]
    ) -> Bool {
        let isShorter = deflated.count < message.count
        if isShorter {
            FrameEncoder.appendMessage(kind, deflated.span, isCompressed: true, to: &output)
        } else {
            FrameEncoder.appendMessage(kind, message, to: &output)
        }
        return isShorter
    }

    /// Appends a message for an upstream that speaks compression, too: one masked frame.
    mutating func appendMaskedFrame(
        _ kind: MessageKind, _ message: Span<UInt8>, by parameters: Parameters, key: MaskingKey,
        to output: inout [UInt8]
    ) {
        let deflater = deflater(parameters)
        deflated.removeAll(keepingCapacity: deflated.capacity <= 1 << 20)
        deflater.deflate(message: message, into: &deflated)
        if deflated.count < message.count {
            FrameEncoder.appendMessage(
                kind, deflated.span, isCompressed: true, maskingKey: key, to: &output)
        } else {
            FrameEncoder.appendMessage(kind, message, maskingKey: key, to: &output)
        }
    }

    /// Appends what `message` inflates to, at most `limit` octets, to `output`.
    /// - Parameter own: the inflater of a connection that keeps its window.
    func inflate(
        _ message: Span<UInt8>, with own: Inflater?, limit: Int, ratio: InflateRatio?,
        into output: inout [UInt8]
    ) throws(InflateError) {
        try (own ?? inflater).inflate(message: message, into: &output, limit: limit, ratio: ratio)
    }

    private mutating func deflater(_ parameters: Parameters) -> Deflater {
        if let known = deflaters[parameters] { return known }
        let made = Deflater(
            level: parameters.level, windowBits: parameters.windowBits,
            memoryLevel: parameters.memoryLevel)
        deflaters[parameters] = made
        return made
    }
}
