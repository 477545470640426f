import Clock
import Identity
import JWT
import KeySets
import Settings
import Testing
import Transport

/// Time that runs faster than the world, and traffic meanwhile.
@Suite struct RotationTests {
    private struct Refused: Error {}

    /// A worker: it looks at the version before it uses the keys it has.
    private struct Reader {
        let service: KeySetService
        let source: KeySetSource
        var seen: UInt64 = 0
        var ring = KeyRing([])

        mutating func refresh() {
            seen = service.version
            let document = service.current(source)?.document
            ring = KeyRing(document?.keys(for: [.es256], allowsWeakKeys: false).usable ?? [])
        }

        /// False when no key of ours has signed it.
        mutating func accepts(_ token: [UInt8]) throws -> Bool {
            if service.version != seen { refresh() }
            let compact = try CompactToken(token.span)
            do {
                try ring.verify(compact, algorithm: .es256, token: token.span)
                return true
            } catch TokenError.unknownKey {
                return false
            }
        }
    }

    @Test func `keys are rotated under traffic: no token is refused, no fetch is too many`() throws
    {
        let server = try KeySetServer()
        let issuers = try (0..<5).map { try Issuer("key \($0)") }
        try server.publish([issuers[0].publicKey])
        let clock = KeySetClock(speed: 60)
        let begin = clock.now
        let source = KeySetSource.remote(server.set("/keys/600") { $0.timeout = .seconds(1200) })
        let watch = try Watch(clock: clock, [source])
        var reader = Reader(service: watch.service, source: source)
        var waited = 0
        for issuer in issuers {
            // Without a word, and the one before is gone.
            try server.publish([issuer.publicKey])
            for number in 0..<100 {
                let token = try issuer.token(#"{"sub":"\#(number)"}"#)
                // A request that waits, as the proxy lets it: tried again when something happened.
                while try !reader.accepts(token) {
                    waited += 1
                    switch watch.service.askForUnknownKey(of: source, seen: reader.seen) {
                    case .newer: continue
                    case .unknownSource, .settled: throw Refused()
                    case .reading(let instant):
                        #expect(instant - clock.now <= .seconds(30))
                        let count = watch.reports.count
                        try watch.wait {
                            $0.reports.count > count || $0.service.version > reader.seen
                        }
                    }
                }
            }
        }
        let status = try #require(watch.service.current(source))
        #expect(waited >= issuers.count - 1)
        #expect(status.counters.changes == UInt64(issuers.count))
        #expect(status.counters.failures == 0)
        let elapsed = (clock.now - begin).components.seconds
        #expect(status.counters.attempts <= UInt64(elapsed / 30 + 1))
        #expect(server.requests.count == Int(status.counters.attempts))
        #expect(watch.notices == [])
    }

    @Test func `an hour of outage: the keys stay, and one warning says so`() throws {
        let server = try KeySetServer()
        let issuer = try Issuer("one")
        try server.publish([issuer.publicKey])
        let clock = KeySetClock(speed: 1000)
        // As long as it takes this machine: time runs fast here.
        let source = KeySetSource.remote(server.set("/keys/30") { $0.timeout = .hours(10) })
        let watch = try Watch(clock: clock, [source])
        try watch.wait { $0.keyIDs(source) == ["one"] }
        try server.goDown()
        try watch.wait { !$0.notices.isEmpty }
        let begin = clock.now
        let before = try #require(watch.service.current(source)).counters
        try watch.wait { watch in
            #expect(watch.keyIDs(source) == ["one"])
            return clock.now - begin > .hours(1)
        }
        let status = try #require(watch.service.current(source))
        #expect(status.isStale)
        #expect(status.isFailing)
        #expect((5...25).contains(status.counters.failures - before.failures))
        #expect(watch.notices.map(\.isWarning) == [true])
        #expect(watch.notices[0].text.contains("the current keys stay in use"))
        try server.publish([issuer.publicKey, try Issuer("two").publicKey])
        try server.comeBack()
        try watch.wait { $0.keyIDs(source) == ["one", "two"] && $0.notices.count > 1 }
        #expect(watch.notices.map(\.isWarning) == [true, false])
    }

    @Test func `an answer that is no good does not replace keys that are`() throws {
        let server = try KeySetServer()
        let issuer = try Issuer("one")
        try server.publish([issuer.publicKey])
        let source = KeySetSource.remote(
            server.set("/keys/30") {
                $0.timeout = .hours(10)
                $0.size = 4096
            })
        let watch = try Watch(clock: KeySetClock(speed: 100), [source])
        try watch.wait { $0.keyIDs(source) == ["one"] }
        let bad = ["", "{", #"{"keys":[]}"#, "[]", String(repeating: " ", count: 5000)]
        for text in bad {
            let count = watch.notices.count
            try server.publish(text: text)
            try watch.wait { $0.notices.count == count + 1 }
            #expect(watch.keyIDs(source) == ["one"])
            try server.publish([issuer.publicKey])
            try watch.wait { $0.notices.count == count + 2 }
        }
        #expect(watch.notices.count == 2 * bad.count)
        #expect(watch.service.current(source)?.counters.changes == 1)
        #expect(watch.service.version == 1)
    }
}

extension Duration {
    fileprivate static func hours(_ hours: Int) -> Duration { .seconds(hours * 3600) }
}
