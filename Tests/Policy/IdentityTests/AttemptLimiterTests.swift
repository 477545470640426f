import Clock
import Identity
import Settings
import Testing

/// `10.0.0.0` and so many more.
private func four(_ number: UInt32) throws -> ClientAddress {
    let octets = (0..<4).map { UInt8(truncatingIfNeeded: (0x0A00_0000 + number) >> (24 - 8 * $0)) }
    return try #require(
        ClientAddress(mappedOctets: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + octets))
}

/// The host of this number in the network of that number, a /64.
private func six(_ network: UInt64, _ host: UInt64) throws -> ClientAddress {
    let octets = [network, host].flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }
    return try #require(ClientAddress(mappedOctets: octets))
}

private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
}

@Suite("Limits of failed attempts")
struct AttemptLimiterTests {
    @Test(
        "a burst fills the bucket, then so many a second pass",
        arguments: [(20, 40), (1, 1), (1, 2), (100_000, 200_000), (7, 3)])
    func rate(perSecond: Int, burst: Int) throws {
        var limiter = AttemptLimiter(AttemptLimit(perSecond: perSecond, burst: burst))
        let address = try four(1)
        for _ in 0..<burst {
            #expect(!limiter.isOverLimit(address, now: at(0)))
            limiter.noteFailure(address, now: at(0))
        }
        #expect(limiter.isOverLimit(address, now: at(0)))
        // Ten seconds of trying again and again, in steps of a tenth of what one failure costs.
        let step = 100_000_000 / Int64(perSecond)
        var passed = 0
        for number in 1...min(100 * perSecond, 20_000) {
            let now = Instant(nanoseconds: at(0).nanoseconds + Int64(number) * step)
            if limiter.isOverLimit(address, now: now) { continue }
            passed += 1
            limiter.noteFailure(address, now: now)
        }
        let expected = min(10 * perSecond, 2000)
        #expect((expected - 1...expected).contains(passed))
    }

    @Test("an address is free again when its debt is paid, and then has the whole burst")
    func recovery() throws {
        var limiter = AttemptLimiter(AttemptLimit())
        let address = try four(1)
        for _ in 0..<40 { limiter.noteFailure(address, now: at(0)) }
        #expect(limiter.isOverLimit(address, now: at(49)))
        #expect(!limiter.isOverLimit(address, now: at(50)))
        for _ in 0..<39 {
            limiter.noteFailure(address, now: at(2000))
            #expect(!limiter.isOverLimit(address, now: at(2000)))
        }
        limiter.noteFailure(address, now: at(2000))
        #expect(limiter.isOverLimit(address, now: at(2000)))
    }

    @Test("failures on top of a full bucket make nobody wait longer")
    func cap() throws {
        var limiter = AttemptLimiter(AttemptLimit())
        let address = try four(1)
        for _ in 0..<1000 { limiter.noteFailure(address, now: at(0)) }
        #expect(limiter.isOverLimit(address, now: at(49)))
        #expect(!limiter.isOverLimit(address, now: at(50)))
    }

    @Test("every IPv4 address is for itself, the hosts of an IPv6 /64 are one")
    func neighbours() throws {
        var limiter = AttemptLimiter(AttemptLimit(perSecond: 1, burst: 1))
        limiter.noteFailure(try four(1), now: at(0))
        #expect(limiter.isOverLimit(try four(1), now: at(0)))
        #expect(try !limiter.isOverLimit(four(2), now: at(0)))
        let network: UInt64 = 0x2001_0DB8_0000_0001
        limiter.noteFailure(try six(network, 1), now: at(0))
        #expect(try limiter.isOverLimit(six(network, .max), now: at(0)))
        #expect(try !limiter.isOverLimit(six(network + 1, 1), now: at(0)))
        limiter.noteFailure(try six(0, 1), now: at(0))
        #expect(try limiter.isOverLimit(six(0, 1), now: at(0)))
        #expect(try !limiter.isOverLimit(four(3), now: at(0)))
    }

    @Test("nobody is blocked before the first failure, or for another's", .timeLimit(.minutes(1)))
    func innocent() throws {
        var limiter = AttemptLimiter(AttemptLimit(perSecond: 1, burst: 1), capacity: 64)
        #expect(try !limiter.isOverLimit(four(0), now: at(0)))
        for number: UInt32 in 1...5000 {
            limiter.noteFailure(try four(number), now: at(0))
            #expect(try !limiter.isOverLimit(four(1_000_000 + number), now: at(0)))
        }
    }

    @Test("an address that is blocked stays so, however many others fail once")
    func spraying() throws {
        var limiter = AttemptLimiter(AttemptLimit(), capacity: 1024)
        let attacker = try four(0)
        for _ in 0..<40 { limiter.noteFailure(attacker, now: at(0)) }
        for number: UInt32 in 1...100_000 { limiter.noteFailure(try four(number), now: at(1)) }
        #expect(limiter.isOverLimit(attacker, now: at(1)))
    }

    @Test("a table that is full of the blocked gives a place to who has failed least")
    func saturation() throws {
        var limiter = AttemptLimiter(AttemptLimit(), capacity: AttemptLimiter.ways)
        func fail(_ number: UInt32, times: Int) throws {
            for _ in 0..<times { limiter.noteFailure(try four(number), now: at(0)) }
        }
        for number in 1...UInt32(AttemptLimiter.ways) { try fail(number, times: 40) }
        #expect(try (1...8).allSatisfy { try limiter.isOverLimit(four($0), now: at(0)) })
        try fail(100, times: 1)
        let kept = try (1...8).filter { try limiter.isOverLimit(four($0), now: at(0)) }
        #expect(kept.count == 7)
        // The newcomer has the least debt from now on: the others lose their places no more.
        for number: UInt32 in 101...1000 { try fail(number, times: 1) }
        #expect(try kept.allSatisfy { try limiter.isOverLimit(four($0), now: at(0)) })
        try fail(1000, times: 39)
        #expect(try limiter.isOverLimit(four(1000), now: at(0)))
    }

    @Test("an address counts anew where another took its place, not with the other's debt")
    func replacement() throws {
        var limiter = AttemptLimiter(AttemptLimit(perSecond: 1, burst: 5), capacity: 8)
        for number: UInt32 in 0..<8 {
            for _ in 0..<4 { limiter.noteFailure(try four(number), now: at(0)) }
        }
        limiter.noteFailure(try four(100), now: at(0))
        #expect(try !limiter.isOverLimit(four(100), now: at(0)))
    }

    @Test(
        "under another limit an address answers for as many failures as before",
        arguments: [(1, 4, 10, 4), (10, 4, 1, 4), (1, 4, 1, 2), (2, 2, 2, 8)])
    func change(rate: Int, burst: Int, newRate: Int, newBurst: Int) throws {
        var limiter = AttemptLimiter(AttemptLimit(perSecond: rate, burst: burst))
        let address = try four(1)
        for _ in 0..<burst { limiter.noteFailure(address, now: at(0)) }
        limiter.use(AttemptLimit(perSecond: newRate, burst: newBurst), now: at(0))
        var passed = 0
        while !limiter.isOverLimit(address, now: at(0)) {
            limiter.noteFailure(address, now: at(0))
            passed += 1
        }
        #expect(passed == max(0, newBurst - burst))
        // One failure is paid for after the time that the new limit says.
        #expect(!limiter.isOverLimit(address, now: at(1000 / Int64(newRate) + 1)))
        try #expect(!limiter.isOverLimit(four(2), now: at(0)))
    }

    @Test("at most one line a second, which says how many were left out")
    func logging() {
        var limiter = AttemptLimiter(AttemptLimit())
        let table: [(Int64, Int?)] = [
            (0, 0), (0, nil), (500, nil), (999, nil), (1000, 3), (1001, nil), (5000, 1),
            (5999, nil),
            (6000, 1), (7000, 0),
        ]
        for (milliseconds, expected) in table {
            let leftOut = limiter.shouldLog(now: at(milliseconds))
            #expect(leftOut == expected, "\(milliseconds)")
        }
    }

    @Test("only 16 octets that are not all zero are an address")
    func addresses() throws {
        #expect(ClientAddress(mappedOctets: []) == nil)
        #expect(ClientAddress(mappedOctets: [127, 0, 0, 1]) == nil)
        #expect(ClientAddress(mappedOctets: [UInt8](repeating: 0, count: 16)) == nil)
        #expect(ClientAddress(mappedOctets: [UInt8](repeating: 1, count: 17)) == nil)
        #expect(try four(1).isIPv4)
        #expect(try !six(0, 1).isIPv4)
        #expect(try six(0, 0xFFFF_0A00_0001) == four(1))
    }
}
