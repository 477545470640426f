import Bytes
import Randomness
import Testing
import WebSocket

@testable import Proxy

@Suite("Message cache")
struct MessageCacheTests {
    static let text = MessageCache.Parameters(.text, level: 1, windowBits: 15, memoryLevel: 8)

    private func frame(
        _ cache: inout MessageCache, _ message: [UInt8],
        _ parameters: MessageCache.Parameters = Self.text
    ) -> [UInt8]? {
        var found: [UInt8]?
        let isHit = cache.withFrame(for: message.span, parameters) { found = $0.array }
        #expect(isHit == (found != nil))
        return found
    }

    private func insert(
        _ cache: inout MessageCache, _ message: [UInt8], _ frame: [UInt8],
        _ parameters: MessageCache.Parameters = Self.text
    ) {
        cache.insert(message.span, parameters, frame: frame.span)
    }

    /// A message of `count` octets, another for every seed, and the frame that belongs to it.
    private func pair(_ count: Int, seed: UInt64) -> (message: [UInt8], frame: [UInt8]) {
        var generator = SeededGenerator(seed: seed)
        let message = generator.octets(count)
        return (message, [UInt8](message.reversed().prefix(count / 4 + 2)) + [UInt8(seed & 0xFF)])
    }

    @Test(
        "a frame is found as often as its message comes", arguments: [0, 1, 7, 8, 63, 64, 65_536])
    func hits(count: Int) {
        var cache = MessageCache(capacity: 1 << 18)
        let (message, made) = pair(count, seed: 3)
        #expect(frame(&cache, message) == nil)
        insert(&cache, message, made)
        for _ in 0..<3 { #expect(frame(&cache, message) == made) }
        // Also when another came in between.
        insert(&cache, [1, 2, 3], [4])
        for _ in 0..<3 {
            #expect(frame(&cache, message) == made)
            #expect(frame(&cache, [1, 2, 3]) == [4])
        }
    }

    @Test("one bit is another message, wherever it is", arguments: [1, 8, 31, 64, 200])
    func octets(count: Int) {
        var cache = MessageCache(capacity: 1 << 16)
        let (message, made) = pair(count, seed: 1)
        insert(&cache, message, made)
        for index in message.indices {
            var other = message
            other[index] ^= 1 << (index % 8)
            #expect(frame(&cache, other) == nil, "octet \(index)")
        }
        #expect(frame(&cache, Array(message.dropLast())) == nil)
        #expect(frame(&cache, message + [0]) == nil)
        #expect(frame(&cache, message) == made)
    }

    @Test("every parameter makes another frame")
    func parameters() {
        let all: [MessageCache.Parameters] = [
            Self.text, .init(.binary, level: 1, windowBits: 15, memoryLevel: 8),
            .init(.text, level: 2, windowBits: 15, memoryLevel: 8),
            .init(.text, level: 1, windowBits: 11, memoryLevel: 8),
            .init(.text, level: 1, windowBits: 15, memoryLevel: 4),
        ]
        var cache = MessageCache(capacity: 1 << 16)
        let message = pair(500, seed: 1).message
        for (index, parameters) in all.enumerated() {
            #expect(all.filter { $0 == parameters }.count == 1)
            #expect(frame(&cache, message, parameters) == nil)
            insert(&cache, message, [UInt8(index)], parameters)
        }
        for (index, parameters) in all.enumerated() {
            // Five in a set of two, should the hashes fall so: then one is missed, never mistaken.
            let found = frame(&cache, message, parameters)
            #expect(found == [UInt8(index)] || found == nil)
        }
    }

    @Test("a cache of no octets keeps nothing")
    func off() {
        var cache = MessageCache(capacity: 0)
        insert(&cache, [1], [2])
        #expect(frame(&cache, [1]) == nil)
        insert(&cache, [], [])
        #expect(frame(&cache, []) == nil)
    }

    @Test("what is too long is not kept, and displaces nothing")
    func tooLong() {
        var cache = MessageCache(capacity: 1 << 20)
        insert(&cache, [1], [2])
        let long = [UInt8](repeating: 7, count: MessageCache.longestMessage + 1)
        insert(&cache, long, [3])
        #expect(frame(&cache, long) == nil)
        insert(&cache, Array(long.dropLast()), [4])
        #expect(frame(&cache, Array(long.dropLast())) == [4])
        insert(&cache, [5], [UInt8](repeating: 0, count: 1 << 20))
        #expect(frame(&cache, [5]) == nil)
        #expect(frame(&cache, [1]) == [2])
    }

    @Test("a message and its frame may fill the ring, and are gone with the next")
    func exact() {
        var cache = MessageCache(capacity: 100)
        let (message, made) = (Array(0..<UInt8(60)), Array(100..<UInt8(140)))
        for _ in 0..<3 {
            insert(&cache, message, made)
            #expect(frame(&cache, message) == made)
            insert(&cache, [1], [2])
            #expect(frame(&cache, message) == nil && frame(&cache, [1]) == [2])
        }
        insert(&cache, message, made + [0])
        #expect(frame(&cache, message) == nil && frame(&cache, [1]) == [2])
    }

    @Test("an entry is gone with its first octet, though all of its message is left")
    func alike() {
        var cache = MessageCache(capacity: 100)
        func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
        insert(&cache, zeros(10), [7])
        let long = [UInt8](repeating: 8, count: 88)
        insert(&cache, [], long)
        #expect(frame(&cache, zeros(10)) == [7] && frame(&cache, []) == long)
        // Over the first two, octet for octet the same as far as there is a message.
        insert(&cache, zeros(15), [9])
        #expect(frame(&cache, zeros(10)) == nil && frame(&cache, []) == nil)
        #expect(frame(&cache, zeros(15)) == [9])
    }

    @Test(
        "what fits in the ring is found, nearly all of it",
        arguments: ["", #"{"type":"queue","id":"#, "31 octets, one less than a block:"])
    func spread(prefix: String) {
        var cache = MessageCache(capacity: 1 << 20)
        let pairs = (0..<256).map { number in
            (Array("\(prefix)\(number)".utf8), Array("frame \(number)".utf8))
        }
        for (message, made) in pairs { insert(&cache, message, made) }
        var found = 0
        for (message, made) in pairs {
            guard let kept = frame(&cache, message) else { continue }
            #expect(kept == made)
            found += 1
        }
        // Three in a set of two are rare.
        #expect(found > 220)
        #expect(frame(&cache, pairs[255].0) == pairs[255].1)
    }

    @Test("a broadcast among other messages is deflated once")
    func broadcast() {
        var cache = MessageCache(capacity: 1 << 18)
        var deflations = 0
        let (message, made) = pair(1000, seed: 0)
        for socket: UInt64 in 0..<2000 {
            if let kept = frame(&cache, message) {
                #expect(kept == made)
            } else {
                insert(&cache, message, made)
                deflations += 1
            }
            // Every now and then another message lies between.
            if socket % 10 == 0 {
                let other = pair(300, seed: socket + 1)
                if frame(&cache, other.message) == nil {
                    insert(&cache, other.message, other.frame)
                }
            }
        }
        #expect(deflations <= 10)
    }

    @Test(
        "whatever comes and goes, a frame is that of its message", arguments: [200, 5000, 100_000])
    func model(capacity: Int) {
        var cache = MessageCache(capacity: capacity)
        var generator = SeededGenerator(seed: UInt64(capacity))
        var (hits, misses) = (0, 0)
        for _ in 0..<20_000 {
            let seed = UInt64.random(in: 0..<40, using: &generator)
            let (message, made) = pair(8 + Int(seed) * 3 % 50, seed: seed)
            if let kept = frame(&cache, message) {
                #expect(kept == made)
                hits += 1
                continue
            }
            misses += 1
            // Now and then another of the same length is inserted than was looked for.
            if misses % 7 == 0 {
                let other = pair(message.count, seed: seed + 1000)
                insert(&cache, other.message, other.frame)
                #expect(frame(&cache, other.message) == other.frame)
            } else {
                insert(&cache, message, made)
                #expect(frame(&cache, message) == made)
            }
        }
        #expect(hits > 1000 && misses > 20, "\(hits) \(misses)")
    }
}
