internal import Bytes
internal import Deflate

/// The deflaters and the inflater that all connections of a worker share: every message stands for
/// itself (no context takeover), so that a connection keeps no state of zlib's at all.
struct WorkerCodecs {
    private struct Key: Hashable {
        var level: Int
        var windowBits: Int
    }

    private var deflaters: [Key: Deflater] = [:]
    private let inflater = Inflater()
    private var buffer: [UInt8] = []

    /// Deflates `message` and shows the result to `use`, when that is shorter than `message`.
    /// - Returns: false when it is not; `use` was not called.
    mutating func deflate(
        _ message: Span<UInt8>, level: Int, windowBits: Int, _ use: (Span<UInt8>) -> Void
    ) -> Bool {
        let key = Key(level: level, windowBits: windowBits)
        let deflater = deflaters[key] ?? Deflater(level: level, windowBits: windowBits)
        deflaters[key] = deflater
        buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
        deflater.deflate(message: message, into: &buffer)
        guard buffer.count < message.count else { return false }
        use(buffer.span)
        return true
    }

    /// Inflates `message` to at most `limit` octets and shows the result to `use`.
    mutating func inflate(
        _ message: Span<UInt8>, limit: Int, _ use: (Span<UInt8>) -> Void
    ) throws(InflateError) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
        try inflater.inflate(message: message, into: &buffer, limit: limit)
        use(buffer.span)
    }
}
