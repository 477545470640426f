internal import WebSocket

/// What a worker's latest messages became, so that one going to many sockets is deflated once.
///
/// A message is found by its hash and compared octet for octet, never taken by its hash alone.
/// Only what was made without context may be inserted; whether the frame is compressed or, because
/// that made it no shorter, plain, is the driver's business.
///
/// Messages and frames lie in one ring of `capacity` octets, where what is new overwrites what is
/// oldest: a broadcast's copies come close together. Nothing is evicted one by one, and after the
/// first insertion nothing allocates. What is seen once is kept at once: to copy a message and its
/// frame costs a hundredth of what it takes to deflate it a second time.
struct MessageCache {
    /// What a frame depends on besides the message. Equal is what gives equal frames.
    struct Parameters: Equatable, Sendable {
        fileprivate let code: UInt32

        fileprivate static let none = Parameters(code: 0)

        private init(code: UInt32) { self.code = code }

        /// The last three are those of `Deflater`.
        init(_ kind: MessageKind, level: Int, windowBits: Int, memoryLevel: Int) {
            code =
                UInt32(kind.opcode.rawValue) << 24 | UInt32(UInt8(level)) << 16
                | UInt32(UInt8(windowBits)) << 8 | UInt32(UInt8(memoryLevel))
        }
    }

    /// Longer messages are not kept: they are rarely sent to many, and displace many that are.
    static let longestMessage = 64 * 1024

    /// The octets of the ring, taken at the first insertion; 0 is off. The table of what lies in it
    /// takes 4 to 8 % more, and 1.25 KiB at least.
    let capacity: Int
    private let mixer: MessageHash
    /// Empty until the first insertion.
    private var ring: [UInt8] = []
    /// The octets ever written, with those left free at the end of a turn.
    private var end = 0
    /// Where the next ones go: `end` without the turns.
    private var offset = 0
    /// As many as a power of two, in sets of two.
    private var entries: [Entry] = []
    /// The entry that was hit or written last, most often the next one too.
    private var latest = 0
    /// What was not found last: to insert it, its hash is not made a second time. Were another
    /// message of the same length inserted in between, it would not be found, nothing worse.
    private var missed: Key?
    private var missedHash: UInt64 = 0

    init(capacity: Int) {
        precondition(capacity >= 0, "a cache of less than nothing")
        self.capacity = capacity
        mixer = MessageHash(seed: UInt64.random(in: 0...UInt64.max))
    }

    /// Shows `body` the frame that was inserted for `message`, if it is still there.
    /// - Returns: false when it is not; `body` was not called.
    mutating func withFrame(
        for message: Span<UInt8>, _ parameters: Parameters, _ body: (Span<UInt8>) -> Void
    ) -> Bool {
        guard !entries.isEmpty, message.count <= Self.longestMessage else { return false }
        guard holds(message, parameters, at: latest) || find(message, parameters) else {
            return false
        }
        let entry = entries[latest]
        let start = entry.offset + Int(entry.messageCount)
        body(ring.span.extracting(start..<start + Int(entry.frameCount)))
        return true
    }

    /// Keeps `frame` for the next time that `message` comes. Called after `withFrame` found none;
    /// does nothing when the two are too long together.
    mutating func insert(_ message: Span<UInt8>, _ parameters: Parameters, frame: Span<UInt8>) {
        let size = message.count + frame.count
        guard message.count <= Self.longestMessage, size <= capacity, size > 0 else { return }
        if entries.isEmpty { allocate() }
        let key = Key(count: message.count, parameters: parameters)
        let hash = missed == key ? missedHash : mixer.hash(message, parameters.code)
        missed = nil
        // Nothing lies across the end of the ring.
        if capacity - offset < size {
            end += capacity - offset
            offset = 0
        }
        write(message, at: offset)
        write(frame, at: offset + message.count)
        let first = set(of: hash)
        latest = entries[first].start <= entries[first + 1].start ? first : first + 1
        entries[latest] = Entry(
            hash: hash, start: end, offset: offset, messageCount: UInt32(message.count),
            frameCount: UInt32(frame.count), parameters: parameters)
        end += size
        offset += size
    }

    private struct Key: Equatable {
        var count: Int
        var parameters: Parameters
    }

    private struct Entry {
        var hash: UInt64 = 0
        /// Counted as `end`; overwritten when that is more than a turn further.
        var start = Int.min / 2
        var offset = 0
        var messageCount: UInt32 = 0
        var frameCount: UInt32 = 0
        var parameters = Parameters.none
    }

    private mutating func allocate() {
        ring = [UInt8](repeating: 0, count: capacity)
        var count = 32
        while count < capacity / 1024 { count *= 2 }
        entries = [Entry](repeating: Entry(), count: count)
    }

    /// Makes the entry of `message` the latest one; false when there is none.
    private mutating func find(_ message: Span<UInt8>, _ parameters: Parameters) -> Bool {
        let hash = mixer.hash(message, parameters.code)
        let first = set(of: hash)
        for index in first...first + 1
        where entries[index].hash == hash && holds(message, parameters, at: index) {
            latest = index
            return true
        }
        missed = Key(count: message.count, parameters: parameters)
        missedHash = hash
        return false
    }

    /// The first of the two entries for `hash`.
    private func set(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash) & (entries.count - 1) & ~1
    }

    private func holds(_ message: Span<UInt8>, _ parameters: Parameters, at index: Int) -> Bool {
        let entry = entries[index]
        guard Int(entry.messageCount) == message.count, entry.parameters == parameters,
            end - entry.start <= capacity
        else { return false }
        let kept = ring.span.extracting(entry.offset..<entry.offset + message.count)
        return kept.equals(message)
    }

    private mutating func write(_ octets: Span<UInt8>, at start: Int) {
        var ring = ring.mutableSpan
        for index in octets.indices { ring[start &+ index] = octets[index] }
    }
}

/// A 64-bit hash of messages: two words are multiplied into one at a time.
///
/// Not SipHash, which is several times slower: whoever finds messages with the same hash gains
/// nothing. They are compared all the same, and what they displace is deflated once more, as if
/// there were no cache. The seed keeps even that from being prepared.
private struct MessageHash {
    private let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    func hash(_ octets: Span<UInt8>, _ code: UInt32) -> UInt64 {
        var first = seed ^ Self.odd
        var second = seed &+ UInt64(code) &* Self.odd
        var index = 0
        while index &+ 32 <= octets.count {
            let block = octets.extracting(index..<index &+ 32)
            first = mix(block.word(at: 0) ^ first, block.word(at: 8) ^ Self.other)
            second = mix(block.word(at: 16) ^ second, block.word(at: 24) ^ Self.third)
            index &+= 32
        }
        while index &+ 8 <= octets.count {
            first = mix(octets.extracting(index..<index &+ 8).word(at: 0) ^ first, Self.other)
            index &+= 8
        }
        var rest: UInt64 = 0
        while index < octets.count {
            rest = rest << 8 | UInt64(octets[index])
            index &+= 1
        }
        return mix(mix(first ^ rest, second ^ UInt64(octets.count)) ^ Self.odd, Self.third)
    }

    private func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    // Odd, with about as many ones as zeros; those of SplitMix64.
    private static let odd: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let other: UInt64 = 0xBF58_476D_1CE4_E5B9
    private static let third: UInt64 = 0x94D0_49BB_1331_11EB
}

extension Span<UInt8> {
    /// Eight octets, the first lowest: the compiler makes one load of it.
    @inline(__always)
    fileprivate func word(at index: Int) -> UInt64 {
        var word: UInt64 = 0
        for place in 0..<8 {
            word |= UInt64(self[index &+ place]) << UInt64(place &* 8)
        }
        return word
    }

    /// True when both, of the same count, hold the same octets.
    fileprivate func equals(_ other: Span<UInt8>) -> Bool {
        var index = 0
        while index &+ 64 <= count {
            let (left, right) = (
                extracting(index..<index &+ 64), other.extracting(index..<index &+ 64)
            )
            var difference: UInt8 = 0
            for place in 0..<64 { difference |= left[place] ^ right[place] }
            if difference != 0 { return false }
            index &+= 64
        }
        while index < count {
            if self[index] != other[index] { return false }
            index &+= 1
        }
        return true
    }
}
