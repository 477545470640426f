import Clock
import Randomness
import Rates
import Settings
import Testing

private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: 5_000_000_000_000 + milliseconds * 1_000_000)
}

private func rule(
    _ count: Int, per period: RateLimit.Period = .second, burst: Int? = nil,
    route: String = "/"
) -> RateRule {
    RateRule(
        RateLimit(count, per: period, burst: burst ?? count, by: .address), route: route)
}

@Suite("Limits of requests")
struct RateTests {
    @Test(
        "a burst passes at once, then so many a period",
        arguments: [
            (10, RateLimit.Period.second, 20), (1, .second, 1), (100, .minute, 5), (6, .hour, 1),
            (1_000_000, .second, 1), (7, .second, 3), (1, .hour, 1_000_000),
        ])
    func rate(count: Int, period: RateLimit.Period, burst: Int) {
        let table = RateTable()
        let draw = rule(count, per: period, burst: burst).draw(addressKey: 1)
        for _ in 0..<min(burst, 5000) { #expect(table.take([draw], now: at(0)) == nil) }
        guard burst <= 5000 else { return }
        let step = period.duration / count
        #expect(table.take([draw], now: at(0)) == .nanoseconds(step.wholeNanoseconds))
        // In steps of a quarter of what one token takes, for twenty tokens.
        var passed = 0
        for quarter in 1...80 {
            let now = at(0) + .nanoseconds(step.wholeNanoseconds * Int64(quarter) / 4)
            if table.take([draw], now: now) == nil { passed += 1 }
        }
        #expect(passed == 20)
    }

    @Test("who is refused is told how long, and waits no longer for having tried")
    func waiting() {
        let table = RateTable()
        let draw = rule(1, per: .minute, burst: 2).draw(addressKey: 1)
        for _ in 0..<2 { #expect(table.take([draw], now: at(0)) == nil) }
        for _ in 0..<100 { #expect(table.take([draw], now: at(0)) == .seconds(60)) }
        #expect(table.take([draw], now: at(59_999)) == .milliseconds(1))
        #expect(table.take([draw], now: at(60_000)) == nil)
        #expect(table.take([draw], now: at(60_000)) == .seconds(60))
    }

    @Test("each address, value, route and limit has a bucket of its own")
    func subjects() {
        let table = RateTable()
        let draws = [
            rule(1).draw(addressKey: 1), rule(1).draw(addressKey: 2), rule(1).draw(value: "a"),
            rule(1).draw(value: "b"), rule(1, route: "/b").draw(addressKey: 1),
            rule(1, per: .minute).draw(addressKey: 1), rule(1, burst: 2).draw(addressKey: 1),
        ]
        for draw in draws { #expect(table.take([draw], now: at(0)) == nil) }
        #expect(table.count == draws.count)
        // As a later generation says it.
        #expect(table.take([rule(1).draw(addressKey: 1)], now: at(0)) == .seconds(1))
        #expect(table.take([rule(1).draw(value: "a")], now: at(0)) == .seconds(1))
    }

    @Test("who only shares a path, a name or its looks with another has a bucket of its own")
    func lookalikes() {
        let table = RateTable()
        let limit = RateLimit(1, per: .second, burst: 1, by: .user)
        let all = RateRule(limit, route: "/a")
        let reading = RateRule(limit, route: "/a", methods: ["GET"])
        let draws = [
            all.draw(user: "7", of: "staff"), all.draw(user: "7", of: "guests"),
            all.draw(value: "7"), reading.draw(user: "7", of: "staff"),
            RateRule(limit, route: "/a", methods: ["POST"]).draw(user: "7", of: "staff"),
            // One text to Unicode, two to whoever issued them.
            all.draw(user: "\u{E9}", of: "staff"), all.draw(user: "e\u{301}", of: "staff"),
            all.draw(value: "\u{E9}"), all.draw(value: "e\u{301}"),
            // What is written together is not the same as what is.
            all.draw(user: "bc", of: "a"), all.draw(user: "c", of: "ab"),
        ]
        for draw in draws { #expect(table.take([draw], now: at(0)) == nil) }
        for draw in draws { #expect(table.take([draw], now: at(0)) == .seconds(1)) }
    }

    @Test("a request that some limit refuses draws from none")
    func refunds() {
        let table = RateTable()
        let (wide, narrow) = (rule(10).draw(addressKey: 1), rule(1).draw(addressKey: 1))
        #expect(table.take([wide, narrow], now: at(0)) == nil)
        for _ in 0..<50 { #expect(table.take([wide, narrow], now: at(0)) == .seconds(1)) }
        for _ in 0..<9 { #expect(table.take([wide], now: at(0)) == nil) }
        #expect(table.take([wide], now: at(0)) == .milliseconds(100))
        #expect(table.take([], now: at(0)) == nil)
    }

    @Test("what was given back leaves no bucket behind")
    func emptied() {
        let table = RateTable()
        let (fresh, spent) = (rule(10).draw(addressKey: 7), rule(1).draw(addressKey: 1))
        #expect(table.take([spent], now: at(0)) == nil)
        #expect(table.take([fresh, spent], now: at(0)) != nil)
        #expect(table.count == 1)
    }

    @Test("workers whose clocks lag a little let nobody through twice")
    func lag() {
        let table = RateTable()
        let draw = rule(10, burst: 1).draw(addressKey: 1)
        #expect(table.take([draw], now: at(100)) == nil)
        #expect(table.take([draw], now: at(95)) == .milliseconds(105))
        #expect(table.take([draw], now: at(200)) == nil)
    }

    @Test("the table is bounded: full buckets go first, then those that would be full soonest")
    func bound() {
        let table = RateTable(capacity: 64 * RateTable.shardCount)
        let slow = rule(1, per: .hour)
        let quick = rule(100, burst: 1)
        for key: UInt64 in 0..<1000 {
            #expect(table.take([slow.draw(addressKey: key)], now: at(0)) == nil)
        }
        // All of them are full again when the next one comes.
        for key: UInt64 in 0..<100_000 {
            let now = at(Int64(key) * 20)
            #expect(table.take([quick.draw(addressKey: key)], now: now) == nil)
        }
        #expect(table.count <= 64 * RateTable.shardCount)
        for key: UInt64 in 0..<1000 {
            #expect(table.take([slow.draw(addressKey: key)], now: at(2_000_000)) != nil)
        }
        // None of them is full: the shortest wait goes.
        for key: UInt64 in 0..<100_000 {
            #expect(table.take([quick.draw(addressKey: key)], now: at(2_100_000)) == nil)
        }
        #expect(table.count <= 64 * RateTable.shardCount)
        for key: UInt64 in 0..<1000 {
            #expect(table.take([slow.draw(addressKey: key)], now: at(2_100_000)) != nil)
        }
        // Nobody who is new is ever refused for want of a place.
        for key: UInt64 in 2000..<12_000 {
            #expect(table.take([slow.draw(addressKey: key)], now: at(2_100_000)) == nil)
        }
    }

    @Test("random histories go as plain buckets say", arguments: 0..<40)
    func histories(number: Int) {
        var random = SeededGenerator(seed: UInt64(number))
        func any(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        let table = RateTable(capacity: 40 * RateTable.shardCount)
        let rules = (0..<3).map { number in
            rule(
                any(1...50), per: any(0...3) == 0 ? .minute : .second, burst: any(1...20),
                route: "/\(number)")
        }
        var naive = NaiveBuckets()
        var now: Int64 = 0
        for _ in 0..<2000 {
            now += Int64(any(0...3) == 0 ? any(0...400) : 0)
            let key = UInt64(any(0...6))
            let chosen = rules.indices.filter { _ in any(0...1) == 0 }
            let wait = table.take(chosen.map { rules[$0].draw(addressKey: key) }, now: at(now))
            let expected = naive.take(
                chosen.map { (rules[$0].limit, "\($0) \(key)") }, milliseconds: now)
            #expect(wait == expected)
        }
    }
}

/// Buckets as they are drawn in books: tokens that are counted, in millionths of a millionth.
private struct NaiveBuckets {
    private struct Bucket {
        var tokens: Int
        var time: Int64
    }

    private var buckets: [String: Bucket] = [:]

    /// Nanoseconds stand for tokens: as many as one token takes are one.
    mutating func take(_ draws: [(RateLimit, String)], milliseconds now: Int64) -> Duration? {
        let before = buckets
        for (limit, name) in draws {
            let token = Int(limit.period.duration.wholeNanoseconds) / limit.count
            let most = token * limit.burst
            var bucket = buckets[name] ?? Bucket(tokens: most, time: now)
            bucket.tokens = min(most, bucket.tokens + Int(now - bucket.time) * 1_000_000)
            bucket.time = now
            guard bucket.tokens >= token else {
                buckets = before
                return .nanoseconds(token - bucket.tokens)
            }
            bucket.tokens -= token
            buckets[name] = bucket
        }
        return nil
    }
}

@Suite("Lines in the log")
struct LinePacerTests {
    @Test("at most one line a second, which says how many were left out")
    func lines() {
        var pacer = LinePacer()
        let table: [(Int64, Int?)] = [
            (0, 0), (0, nil), (500, nil), (999, nil), (1000, 3), (1001, nil), (5000, 1),
            (5999, nil), (6000, 1), (7000, 0),
        ]
        for (milliseconds, expected) in table {
            #expect(pacer.lineIsDue(now: at(milliseconds)) == expected, "\(milliseconds)")
        }
    }
}
