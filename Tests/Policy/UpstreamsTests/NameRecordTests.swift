import Clock
import Settings
import Testing
import Upstreams

private let host = ServerName.host("app.internal", port: 8000)

func endpoint(
    _ address: String, _ port: UInt16 = 8000, host: String = "app.internal", weight: Int = 1,
    tier: Int = 0
) -> ServerEndpoint {
    ServerEndpoint(
        address: .ip(address: address, port: port), host: host, weight: weight, tier: tier)
}

/// A record as an object, which expectations may change.
private final class Kept {
    private var record: NameRecord

    init(_ record: NameRecord) { self.record = record }

    var endpoints: [ServerEndpoint] { record.endpoints }
    var due: Instant? { record.due }
    var isSettled: Bool { record.isSettled }
    var trouble: NameRecord.Trouble? { record.trouble }
    var counters: NameRecord.Counters { record.counters }

    func timePassed(to now: Instant) -> Bool { record.timePassed(to: now) }
    func askAnew(at now: Instant) { record.askAnew(at: now) }

    @discardableResult
    func answered(_ answer: NameAnswer, at now: Instant, chance: Double) -> NameRecord.Outcome {
        record.answered(answer, at: now, chance: chance)
    }
}

@Suite struct NameRecordTests {
    private let one = endpoint("10.0.0.1")
    private let two = endpoint("10.0.0.2")

    private static var settings: ResolverSettings {
        var settings = ResolverSettings()
        settings.leastTTL = .seconds(5)
        settings.mostTTL = .seconds(60)
        settings.hold = .seconds(30)
        return settings
    }

    private var record: Kept { Kept(NameRecord(host, Self.settings, now: .zero)) }

    private func found(_ endpoints: ServerEndpoint..., ttl: Int = 10) -> NameAnswer {
        .endpoints(endpoints, ttl: .seconds(ttl))
    }

    @Test("It is asked for at once, and not again before it was answered") func first() {
        let record = record
        #expect(!record.isSettled)
        let isDue = record.timePassed(to: .zero)
        #expect(isDue)
        #expect(!record.timePassed(to: .seconds(1000)))
        #expect(record.due == nil)
        let outcome = record.answered(found(one), at: .seconds(1), chance: 0)
        #expect(outcome.isChanged)
        #expect(outcome.notice == .info("name app.internal:8000 resolves to 10.0.0.1:8000"))
        #expect(record.isSettled)
        #expect(record.endpoints == [one])
        #expect(record.due == .seconds(11))
        #expect(!record.timePassed(to: .seconds(10)))
        #expect(record.timePassed(to: .seconds(11)))
    }

    @Test(
        "Its records say when it is asked for again, within limits",
        arguments: [(0, 5), (4, 5), (5, 5), (6, 6), (59, 59), (60, 60), (86_400, 60)])
    func limits(ttl: Int, wait: Int) {
        let record = record
        record.answered(found(one, ttl: ttl), at: .seconds(100), chance: 1)
        #expect(record.due == .seconds(100 + wait))
    }

    @Test("Another order is no change; what is gone, goes at once") func order() {
        let record = record
        record.answered(found(two, one), at: .zero, chance: 0)
        #expect(record.endpoints == [one, two])
        #expect(!record.answered(found(one, two), at: .zero, chance: 0).isChanged)
        #expect(record.answered(found(two), at: .zero, chance: 0).isChanged)
        #expect(record.endpoints == [two])
    }

    @Test("While no name server answers, its addresses stay, however long that lasts") func away() {
        let record = record
        record.answered(found(one), at: .zero, chance: 0)
        let first = record.answered(.failure("Timeout"), at: .seconds(10), chance: 0.5)
        #expect(!first.isChanged)
        #expect(
            first.notice
                == .warning(
                    "name app.internal:8000 cannot be resolved: Timeout; its last addresses stay in"
                        + " use"))
        var times: [Instant] = []
        for _ in 0..<6 {
            let now = record.due ?? .zero
            times.append(now)
            let outcome = record.answered(.failure("Timeout"), at: now, chance: 0.5)
            #expect(outcome == NameRecord.Outcome(isChanged: false, notice: nil))
        }
        #expect(times == [11, 13, 17, 25, 35, 45].map { Instant.seconds($0) })
        record.answered(.failure("Timeout"), at: .seconds(1_000_000), chance: 0)
        #expect(record.endpoints == [one])
        let back = record.answered(found(one), at: .seconds(1_000_001), chance: 0)
        #expect(!back.isChanged)
        #expect(back.notice == .info("name app.internal:8000 resolves again: no change"))
        #expect(record.due == .seconds(1_000_011))
        #expect(record.counters == NameRecord.Counters(resolved: 2, absent: 0, failed: 8))
    }

    @Test("A name that is said not to exist keeps its addresses for 'hold'") func hold() {
        let record = record
        record.answered(found(one), at: .seconds(100), chance: 0)
        // From the last answer that had some, not from the first that had none.
        let first = record.answered(.absent, at: .seconds(128), chance: 0)
        #expect(!first.isChanged && first.notice != nil)
        #expect(record.endpoints == [one])
        #expect(record.due == .seconds(130))
        #expect(record.answered(.absent, at: .seconds(129), chance: 0).notice == nil)
        let last = record.answered(.absent, at: .seconds(130), chance: 0)
        #expect(last.isChanged && last.notice != nil)
        #expect(record.endpoints.isEmpty)
        #expect(record.due == .seconds(135))
        #expect(
            record.answered(.absent, at: .seconds(135), chance: 0)
                == NameRecord.Outcome(isChanged: false, notice: nil))
        #expect(record.answered(found(two), at: .seconds(140), chance: 0).isChanged)
    }

    @Test("A name that has never resolved is complained about once, and asked for again")
    func never() {
        let record = record
        #expect(record.answered(.absent, at: .zero, chance: 0).notice != nil)
        #expect(record.answered(.absent, at: .seconds(5), chance: 0).notice == nil)
        #expect(record.trouble == .absent && record.isSettled)
        #expect(record.answered(.failure("Refused"), at: .seconds(10), chance: 0).notice != nil)
        #expect(record.due != nil)
    }

    @Test("A question that nobody will answer is put once more") func anew() {
        let record = record
        record.answered(found(one), at: .zero, chance: 0)
        #expect(record.timePassed(to: .seconds(10)))
        record.askAnew(at: .seconds(11))
        #expect(record.endpoints == [one] && record.isSettled)
        #expect(record.timePassed(to: .seconds(11)))
    }
}

@Suite struct NameAnswerTests {
    private func answer(
        _ ip4: NameReply<String>, _ ip6: NameReply<String>, known: [ServerEndpoint] = []
    ) -> NameAnswer {
        NameAnswer(
            HostReply(ip4: ip4, ip6: ip6), of: "app.internal", port: 8000, known: known)
    }

    @Test("Both kinds of address count, and the shorter of their times") func both() {
        #expect(
            answer(
                .records(["10.0.0.1"], ttl: .seconds(9)), .records(["fd00::1"], ttl: .seconds(3)))
                == .endpoints([endpoint("10.0.0.1"), endpoint("fd00::1")], ttl: .seconds(3)))
        #expect(
            answer(.records(["10.0.0.1"], ttl: .seconds(9)), .none)
                == .endpoints([endpoint("10.0.0.1")], ttl: .seconds(9)))
        #expect(answer(.none, .none) == .absent)
        #expect(answer(.failure("a"), .none) == .failure("a"))
    }

    @Test("Of a kind that nobody could say anything about, what is known stays") func half() {
        let known = [
            endpoint("10.0.0.9"), endpoint("fd00::1"), endpoint("fd00::2", host: "other"),
            endpoint("fd00::3", 1),
        ]
        #expect(
            answer(.records(["10.0.0.1"], ttl: .seconds(9)), .failure("Timeout"), known: known)
                == .endpoints([endpoint("10.0.0.1"), endpoint("fd00::1")], ttl: .seconds(9)))
        #expect(
            answer(.none, .failure("Timeout"), known: known) == .failure("Timeout"))
    }

    private let hosts = [
        "a": HostReply(ip4: .records(["10.0.0.1", "10.0.0.2"], ttl: .seconds(20)), ip6: .none),
        "b": HostReply(ip4: .records(["10.0.0.3"], ttl: .seconds(2)), ip6: .none),
    ]

    @Test("A service: priorities are tiers, weights are scaled into their range") func service() {
        let records = [
            ServiceRecord(host: "b", port: 2, priority: 20, weight: 0),
            ServiceRecord(host: "a", port: 1, priority: 10, weight: 2000),
        ]
        #expect(
            NameAnswer(.records(records, ttl: .seconds(7)), hosts: hosts, known: [])
                == .endpoints(
                    [
                        endpoint("10.0.0.3", 2, host: "b", tier: 1),
                        endpoint("10.0.0.1", 1, host: "a", weight: 1000),
                        endpoint("10.0.0.2", 1, host: "a", weight: 1000),
                    ], ttl: .seconds(2)))
    }

    @Test("A service whose hosts cannot be looked up keeps those that are known") func lost() {
        let records = [ServiceRecord(host: "c", port: 1, priority: 0, weight: 1)]
        let failing = ["c": HostReply(ip4: .failure("Timeout"), ip6: .failure("Timeout"))]
        let known = [endpoint("10.0.0.7", 1, host: "c"), endpoint("10.0.0.8", 2, host: "c")]
        let reply = NameReply.records(records, ttl: .seconds(7))
        #expect(
            NameAnswer(reply, hosts: failing, known: known)
                == .endpoints([known[0]], ttl: .seconds(7)))
        #expect(NameAnswer(reply, hosts: failing, known: []) == .failure("Timeout"))
        #expect(NameAnswer(reply, hosts: [:], known: known) == .absent)
        #expect(NameAnswer(.none, hosts: [:], known: known) == .absent)
        #expect(NameAnswer(.failure("x"), hosts: [:], known: known) == .failure("x"))
    }
}
