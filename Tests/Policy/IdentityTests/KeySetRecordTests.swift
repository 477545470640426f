import Clock
import Identity
import JWT
import Randomness
import Settings
import Testing

/// Sources in simulated time.
@Suite struct KeySetRecordTests {
    private static let remote = KeySetSource.remote(
        RemoteKeySet(url: "https://issuer.test/keys?secret", host: "issuer.test"))
    private static let file = KeySetSource.keySet(path: "keys.json")
    private let start = Instant(nanoseconds: 0)

    /// A set of one key of P-256, that of RFC 7517 A.1, under another name.
    private static func document(_ keyID: String) throws -> KeySetDocument {
        let text = KeySetSamples.set([KeySetSamples.curveKey(keyID)])
        return try KeySetDocument(Array(text.utf8), of: remote)
    }

    private func keyIDs(_ record: KeySetRecord) -> [String?] {
        let keys = record.document?.keys(for: [.es256], allowsWeakKeys: false).usable ?? []
        return keys.map(\.keyID)
    }

    @Test func `an outage of an hour is survived, with one warning and few attempts`() throws {
        var generator = SeededGenerator(seed: 7)
        var record = KeySetRecord(Self.remote, now: start)
        var notices: [KeySetRecord.Notice] = []
        let document = try Self.document("one")
        let outage = start + .seconds(1000)..<start + .seconds(4600)
        var begins: [Instant] = []
        var now = start
        while now < start + .seconds(6000) {
            if record.timePassed(to: now) {
                begins.append(now)
                let chance = Double.random(in: 0...1, using: &generator)
                let outcome =
                    outage.contains(now)
                    ? record.failed("no connection", at: now, chance: chance)
                    : record.received(document, lifetime: .seconds(60), at: now, chance: chance)
                notices += [outcome.notice].compactMap { $0 }
            }
            #expect(keyIDs(record) == ["one"])
            if outage.contains(now), now > outage.lowerBound + .seconds(61) {
                #expect(record.isStale(at: now))
            }
            now = now + .milliseconds(250)
        }
        #expect(
            notices == [
                .warning(
                    "keys: cannot read 'https://issuer.test/keys': no connection; the current "
                        + "keys stay in use"),
                .info("keys: 'https://issuer.test/keys' can be read again"),
            ])
        #expect(!record.isStale(at: now))
        let during = begins.count { outage.contains($0) }
        #expect((15...25).contains(during))
        #expect(record.counters.failures == UInt64(during))
        #expect(record.counters.attempts == UInt64(begins.count))
        #expect(record.counters.changes == 1)
    }

    @Test func `a day of rotation under traffic: no fetch within 30 s of another`() throws {
        var generator = SeededGenerator(seed: 11)
        var record = KeySetRecord(Self.remote, now: start)
        var last: Instant?
        var begins = 0
        var longestWait: Duration = .zero
        var signedSince = start
        var current = 0
        var documents = [try Self.document("key 0")]
        for tick in 0..<(86_400 * 4) {
            let now = start + .milliseconds(250 * tick)
            // The issuer takes another key at once, without a word, a hundred times a day.
            if Int.random(in: 0..<3456, using: &generator) == 0 {
                current += 1
                documents.append(try Self.document("key \(current)"))
                signedSince = now
            }
            if record.timePassed(to: now) {
                if let last { #expect(now - last >= .seconds(30)) }
                last = now
                begins += 1
                _ = record.received(
                    documents[current],
                    lifetime: .seconds(Int.random(in: 0...900, using: &generator)),
                    at: now, chance: Double.random(in: 0...1, using: &generator))
            }
            // Four tokens a second, all of them signed with the newest key.
            if record.document?.octets != documents[current].octets {
                longestWait = max(longestWait, now - signedSince)
                _ = record.unknownKeyAsked(at: now)
            }
        }
        #expect(current > 50)
        #expect(begins > 100)
        #expect(longestWait <= .seconds(31))
    }

    @Test func `strangers' keys cost one fetch in 30 s`() throws {
        var record = KeySetRecord(Self.remote, now: start)
        let document = try Self.document("one")
        var begins = 0
        for tick in 0..<(3600 * 10) {
            let now = start + .milliseconds(100 * tick)
            _ = record.unknownKeyAsked(at: now)
            guard record.timePassed(to: now) else { continue }
            begins += 1
            let outcome = record.received(document, lifetime: nil, at: now, chance: 0.5)
            #expect(outcome.isChanged == (begins == 1))
            #expect(outcome.notice == nil)
        }
        #expect(begins == 120)
        #expect(record.counters.changes == 1)
    }

    @Test func `a source that never answered has no keys, and says so once`() {
        var record = KeySetRecord(Self.remote, now: start)
        _ = record.timePassed(to: start)
        let first = record.failed("the answer has status 500", at: start, chance: 0)
        #expect(
            first.notice
                == .warning(
                    "keys: cannot read 'https://issuer.test/keys': the answer has status 500;"
                        + " there are no keys from it"))
        _ = record.timePassed(to: start + .seconds(1))
        let second = record.failed("another", at: start + .seconds(1), chance: 0)
        #expect(second.notice == nil)
        #expect(!second.isChanged)
        #expect(record.document == nil)
        #expect(!record.isStale(at: start + .seconds(1)))
        #expect(record.isFailing)
        #expect(record.lastSuccess == nil)
    }

    @Test func `a file is looked at every two seconds, and sooner for an unknown key`() {
        var record = KeySetRecord(Self.file, now: start)
        let first = record.timePassed(to: start)
        #expect(first)
        #expect(record.due == start + .seconds(2))
        let soon = record.unknownKeyAsked(at: start + .milliseconds(50))
        #expect(soon == .due(start + .milliseconds(200)))
        let early = record.timePassed(to: start + .milliseconds(199))
        #expect(!early)
        let due = record.timePassed(to: start + .milliseconds(200))
        #expect(due)
        let now = record.unknownKeyAsked(at: start + .seconds(1))
        #expect(now == .due(start + .seconds(1)))
    }
}
