import Bytes
import Clock
import Crypto
import JWT
import Randomness
import Settings
import Testing

@testable import Identity

/// A cache, the authenticator it asks, and a clock.
private final class Asking {
    var cache: VerifiedTokenCache
    var authenticator: Authenticator
    var moment = now

    init(cache: VerifiedTokenCache = VerifiedTokenCache(), leeway: Duration = .zero) throws {
        self.cache = cache
        authenticator = try Authenticator(settings { $0.leeway = leeway })
    }

    /// The user of the token, or the error.
    func ask(_ token: String) -> Result<String?, TokenError> {
        Result { () throws(TokenError) in
            try cache.authenticate(token.utf8.span, by: authenticator, now: moment).user
        }
    }

    /// True when the answer came from memory.
    func remembers(_ token: String) -> Bool {
        let fingerprint = try? authenticator.fingerprint(of: token.utf8.span)
        let known = fingerprint.flatMap { cache.remembered($0, now: moment) }
        _ = ask(token)
        return known != nil
    }
}

@Suite("Tokens verified lately")
struct VerifiedTokenCacheTests {
    @Test("the second time a token is asked for, the answer comes from memory, and is the same")
    func hit() throws {
        let asking = try Asking()
        let token = try signed(#"{"sub":"7","role":["a","b"],"exp":1900000000}"#)
        let first = try asking.cache.authenticate(
            token.utf8.span, by: asking.authenticator, now: asking.moment)
        let second = try asking.cache.authenticate(
            token.utf8.span, by: asking.authenticator, now: asking.moment)
        #expect(asking.remembers(token) && asking.cache.count == 1)
        #expect(first.user == second.user && first.roles == second.roles)
        #expect(first.claims == second.claims && first.expires == second.expires)
        #expect(first.encodedClaims == second.encodedClaims && first.rule == second.rule)
    }

    @Test("a token is remembered for a minute, and asked about again after that")
    func lifetime() throws {
        let asking = try Asking()
        let token = try signed(#"{"sub":"7"}"#)
        #expect(!asking.remembers(token))
        asking.moment.seconds += 59
        asking.moment.nanoseconds = 999_999_999
        #expect(asking.remembers(token))
        asking.moment = WallTime(seconds: now.seconds + 60)
        #expect(!asking.remembers(token))
        #expect(asking.remembers(token))
    }

    @Test("an expired token is refused at its second, remembered or not")
    func expiry() throws {
        let asking = try Asking()
        let token = try signed("{\"sub\":\"7\",\"exp\":\(now.seconds + 10)}")
        #expect(asking.ask(token) == .success("7"))
        asking.moment.seconds += 9
        #expect(asking.remembers(token))
        asking.moment.seconds += 1
        #expect(asking.ask(token) == .failure(.expired))
        let lenient = try Asking(leeway: .seconds(30))
        #expect(lenient.ask(token) == .success("7"))
        lenient.moment.seconds += 39
        #expect(lenient.remembers(token))
        lenient.moment.seconds += 1
        #expect(lenient.ask(token) == .failure(.expired))
    }

    @Test("a token that is too old is refused at its second, remembered or not")
    func age() throws {
        let asking = try Asking()
        asking.authenticator = try Issuer.authenticator()
        let issued = now.seconds - 3600 + 20
        let token = try token(
            #"{"alg":"EdDSA"}"#, Issuer.claims(["iat": String(issued)]), by: .ed25519)
        #expect(asking.ask(token) == .success("7"))
        // An hour and the leeway of 30 seconds after it was issued.
        asking.moment.seconds += 49
        #expect(asking.remembers(token))
        asking.moment.seconds += 1
        #expect(asking.ask(token) == .failure(.tooOld))
    }

    @Test("what was refused is not remembered: neither forged nor early nor broken tokens")
    func refusals() throws {
        let asking = try Asking()
        let forged = try signed(#"{"sub":"7"}"#, secret: "another secret, as long as a hash is")
        let early = try signed("{\"nbf\":\(now.seconds + 5)}")
        for _ in 0..<3 {
            #expect(asking.ask(forged) == .failure(.signature))
            #expect(asking.ask(early) == .failure(.notYetValid))
            #expect(asking.ask("x.y.z") == .failure(.malformed))
            #expect(asking.ask("") == .failure(.malformed))
        }
        #expect(asking.cache.count == 0)
        asking.moment.seconds += 5
        #expect(asking.ask(early) == .success(nil))
    }

    @Test("one octet more or less is another token")
    func exactness() throws {
        let asking = try Asking()
        let token = try signed(#"{"sub":"7"}"#)
        #expect(asking.ask(token) == .success("7"))
        for other in [token + "A", String(token.dropLast()), token + "=", " " + token] {
            #expect(!asking.remembers(other))
        }
        #expect(asking.remembers(token))
    }

    @Test("what one authenticator verified another does not believe, nor the same with other keys")
    func identity() throws {
        let asking = try Asking()
        let token = try signed(#"{"sub":"7"}"#)
        #expect(asking.ask(token) == .success("7"))
        let first = asking.authenticator
        // The very same settings, as after a reload.
        asking.authenticator = try Authenticator(settings { $0.leeway = .zero })
        #expect(!asking.remembers(token))
        asking.authenticator = try first.replacingKeys(first.keys)
        #expect(!asking.remembers(token))
        asking.authenticator = try first.replacingKeys(KeyRing([]))
        #expect(asking.ask(token) == .failure(.unknownKey))
        asking.authenticator = first
        #expect(asking.remembers(token))
    }

    @Test("a clock that was set back makes nothing younger")
    func clockSetBack() throws {
        let asking = try Asking()
        let token = try signed("{\"sub\":\"7\",\"nbf\":\(now.seconds)}")
        #expect(asking.ask(token) == .success("7"))
        asking.moment.seconds -= 1
        #expect(asking.ask(token) == .failure(.notYetValid))
    }

    @Test("no more tokens are held than allowed, and those stored first go first")
    func bound() throws {
        let asking = try Asking(cache: VerifiedTokenCache(entryLimit: 40))
        let tokens = try (0..<500).map { try signed("{\"sub\":\($0)}") }
        for (number, token) in tokens.enumerated() {
            #expect(asking.ask(token) == .success(String(number)))
            #expect(asking.cache.count == min(number + 1, 40))
            #expect(asking.remembers(tokens[max(0, number - 39)]))
        }
        for token in tokens.suffix(40) { #expect(asking.remembers(token)) }
        #expect(!asking.remembers(tokens[459]))
    }

    @Test("a token that is stored again and again takes one place")
    func again() throws {
        let asking = try Asking(cache: VerifiedTokenCache(entryLimit: 4))
        let token = try signed(#"{"sub":"7"}"#)
        let other = try signed(#"{"sub":"8"}"#)
        for _ in 0..<20 {
            #expect(!asking.remembers(token))
            #expect(asking.remembers(token))
            asking.moment.seconds += 40
            #expect(!asking.remembers(other))
            asking.moment.seconds += 20
            #expect(asking.remembers(other))
            #expect(asking.cache.count <= 2)
            asking.moment.seconds += 41
        }
    }

    @Test("at random, a cache never says more than its authenticator, nor holds more than it may")
    func random() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let asking = try Asking(cache: VerifiedTokenCache(entryLimit: 12, octetLimit: 600))
        var ends: [Int64] = []
        let tokens = try (0..<30).map { number in
            ends.append(now.seconds + Int64.random(in: 1...400, using: &generator))
            return try signed("{\"sub\":\(number),\"exp\":\(ends[number])}")
        }
        var hits = 0
        for _ in 0..<fuzzIterations {
            let number = Int.random(in: 0..<tokens.count, using: &generator)
            let step = Int.random(in: 0..<40, using: &generator)
            if step == 0 { asking.moment.seconds = now.seconds }
            if step < 10 { asking.moment.seconds += Int64(step) }
            let isGood = asking.moment.seconds < ends[number]
            if asking.remembers(tokens[number]) { hits += 1 }
            #expect(
                asking.ask(tokens[number])
                    == (isGood ? .success(String(number)) : .failure(.expired)))
            #expect(asking.cache.count <= 12)
        }
        #expect(hits > fuzzIterations / 20)
    }

    @Test("large claims are bounded in octets, and one beyond the bound is not held at all")
    func octets() throws {
        let asking = try Asking(cache: VerifiedTokenCache(octetLimit: 8000))
        func large(_ name: String, _ count: Int) throws -> String {
            try signed("{\"sub\":\"\(name)\",\"x\":\"\(String(repeating: "x", count: count))\"}")
        }
        for number in 0..<20 { _ = try asking.ask(large(String(number), 900)) }
        #expect(asking.cache.count <= 6 && asking.cache.count > 2)
        let huge = try large("huge", 6000)
        #expect(asking.ask(huge) == .success("huge"))
        #expect(!asking.remembers(huge))
    }

    @Test("a cache without room verifies every time")
    func noRoom() throws {
        let token = try signed(#"{"sub":"7"}"#)
        for cache in [VerifiedTokenCache(entryLimit: 0), VerifiedTokenCache(octetLimit: 5)] {
            let asking = try Asking(cache: cache)
            #expect(asking.ask(token) == .success("7"))
            #expect(asking.ask(token) == .success("7"))
            #expect(!asking.remembers(token) && asking.cache.count == 0)
        }
    }

    @Test("what has expired goes two at a time, when others are stored")
    func forgetting() throws {
        let asking = try Asking()
        for number in 0..<100 { _ = try asking.ask(signed("{\"sub\":\(number)}")) }
        #expect(asking.cache.count == 100)
        asking.moment.seconds += VerifiedTokenCache.lifetimeSeconds
        for number in 100..<150 {
            _ = try asking.ask(signed("{\"sub\":\(number)}"))
            #expect(asking.cache.count == 100 - (number - 99))
        }
        _ = try asking.ask(signed(#"{"sub":"a"}"#))
        #expect(asking.cache.count == 51)
    }

    @Test("a gate answers the same with and without a memory")
    func gate() throws {
        let gate = TokenGate(rules: [
            try Authenticator(settings("one", secret: "first secret")),
            try Authenticator(settings("two", secret: "second secret")),
        ])
        let token = try signed(#"{"sub":"b"}"#, secret: "second secret")
        let headers = fields(["Authorization": "Bearer \(token)"])
        var cache = VerifiedTokenCache()
        for _ in 0..<3 {
            let identity = try gate.authenticate(
                headers, query: QueryString(""), TokenGate.Circumstances(date: now, now: .zero),
                cache: &cache)?.identity
            #expect(identity?.user == "b" && identity?.rule == "two")
        }
        #expect(cache.count == 1)
    }
}
