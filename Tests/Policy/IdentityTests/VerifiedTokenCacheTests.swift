import Bytes
import Clock
import Crypto
import Identity
import JWT
import Settings
import Testing

/// A cache, the authenticator it asks, and a clock.
private final class Desk {
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
        let hits = cache.hits
        _ = ask(token)
        return cache.hits > hits
    }
}

@Suite("Tokens verified lately")
struct VerifiedTokenCacheTests {
    @Test("the second time a token is asked for, the answer comes from memory, and is the same")
    func hit() throws {
        let desk = try Desk()
        let token = try signed(#"{"sub":"7","role":["a","b"],"exp":1900000000}"#)
        let first = try desk.cache.authenticate(
            token.utf8.span, by: desk.authenticator, now: desk.moment)
        let second = try desk.cache.authenticate(
            token.utf8.span, by: desk.authenticator, now: desk.moment)
        #expect(desk.cache.hits == 1 && desk.cache.misses == 1 && desk.cache.count == 1)
        #expect(first.user == second.user && first.roles == second.roles)
        #expect(first.claims == second.claims && first.expires == second.expires)
        #expect(first.encodedClaims == second.encodedClaims && first.rule == second.rule)
    }

    @Test("a token is remembered for a minute, and asked about again after that")
    func lifetime() throws {
        let desk = try Desk()
        let token = try signed(#"{"sub":"7"}"#)
        #expect(!desk.remembers(token))
        desk.moment.seconds += 59
        desk.moment.nanoseconds = 999_999_999
        #expect(desk.remembers(token))
        desk.moment = WallTime(seconds: now.seconds + 60)
        #expect(!desk.remembers(token))
        #expect(desk.remembers(token))
    }

    @Test("an expired token is refused at its second, remembered or not")
    func expiry() throws {
        let desk = try Desk()
        let token = try signed("{\"sub\":\"7\",\"exp\":\(now.seconds + 10)}")
        #expect(desk.ask(token) == .success("7"))
        desk.moment.seconds += 9
        #expect(desk.remembers(token))
        desk.moment.seconds += 1
        #expect(desk.ask(token) == .failure(.expired))
        let lenient = try Desk(leeway: .seconds(30))
        #expect(lenient.ask(token) == .success("7"))
        lenient.moment.seconds += 39
        #expect(lenient.remembers(token))
        lenient.moment.seconds += 1
        #expect(lenient.ask(token) == .failure(.expired))
    }

    @Test("a token that is too old is refused at its second, remembered or not")
    func age() throws {
        let desk = try Desk()
        desk.authenticator = try Issuer.authenticator()
        let issued = now.seconds - 3600 + 20
        let token = try token(
            #"{"alg":"EdDSA"}"#, Issuer.claims(["iat": String(issued)]), by: .ed25519)
        #expect(desk.ask(token) == .success("7"))
        // An hour and the leeway of 30 seconds after it was issued.
        desk.moment.seconds += 49
        #expect(desk.remembers(token))
        desk.moment.seconds += 1
        #expect(desk.ask(token) == .failure(.tooOld))
    }

    @Test("what was refused is not remembered: neither forged nor early nor broken tokens")
    func refusals() throws {
        let desk = try Desk()
        let forged = try signed(#"{"sub":"7"}"#, secret: "another secret, as long as a hash is")
        let early = try signed("{\"nbf\":\(now.seconds + 5)}")
        for _ in 0..<3 {
            #expect(desk.ask(forged) == .failure(.signature))
            #expect(desk.ask(early) == .failure(.notYetValid))
            #expect(desk.ask("x.y.z") == .failure(.malformed))
            #expect(desk.ask("") == .failure(.malformed))
        }
        #expect(desk.cache.count == 0 && desk.cache.hits == 0)
        desk.moment.seconds += 5
        #expect(desk.ask(early) == .success(nil))
    }

    @Test("one octet more or less is another token")
    func exactness() throws {
        let desk = try Desk()
        let token = try signed(#"{"sub":"7"}"#)
        #expect(desk.ask(token) == .success("7"))
        for other in [token + "A", String(token.dropLast()), token + "=", " " + token] {
            #expect(!desk.remembers(other))
        }
        #expect(desk.remembers(token))
    }

    @Test("what one authenticator verified another does not believe, nor the same with other keys")
    func identity() throws {
        let desk = try Desk()
        let token = try signed(#"{"sub":"7"}"#)
        #expect(desk.ask(token) == .success("7"))
        let first = desk.authenticator
        // The very same settings, as after a reload.
        desk.authenticator = try Authenticator(settings { $0.leeway = .zero })
        #expect(!desk.remembers(token))
        desk.authenticator = try first.replacingKeys(first.keys)
        #expect(!desk.remembers(token))
        desk.authenticator = try first.replacingKeys(KeyRing([]))
        #expect(desk.ask(token) == .failure(.unknownKey))
        desk.authenticator = first
        #expect(desk.remembers(token))
    }

    @Test("a clock that was set back makes nothing younger")
    func clockSetBack() throws {
        let desk = try Desk()
        let token = try signed("{\"sub\":\"7\",\"nbf\":\(now.seconds)}")
        #expect(desk.ask(token) == .success("7"))
        desk.moment.seconds -= 1
        #expect(desk.ask(token) == .failure(.notYetValid))
    }

    @Test("no more tokens are held than allowed; those asked for stay, the others go first")
    func bound() throws {
        let desk = try Desk(cache: VerifiedTokenCache(entryLimit: 40))
        let favourite = try signed(#"{"sub":"favourite"}"#)
        _ = desk.ask(favourite)
        var largest = 0
        for number in 0..<500 {
            #expect(try desk.ask(signed("{\"sub\":\(number)}")) == .success(String(number)))
            if number % 10 == 0 { #expect(desk.remembers(favourite)) }
            largest = max(largest, desk.cache.count)
        }
        #expect(largest <= 40 && largest > 20)
        #expect(try desk.remembers(signed(#"{"sub":499}"#)))
        #expect(try !desk.remembers(signed(#"{"sub":1}"#)))
    }

    @Test("large claims are bounded in octets, and one beyond the bound is not held at all")
    func octets() throws {
        let desk = try Desk(cache: VerifiedTokenCache(octetLimit: 8000))
        func large(_ name: String, _ count: Int) throws -> String {
            try signed("{\"sub\":\"\(name)\",\"x\":\"\(String(repeating: "x", count: count))\"}")
        }
        for number in 0..<20 { _ = try desk.ask(large(String(number), 900)) }
        #expect(desk.cache.count <= 6 && desk.cache.count > 2)
        let huge = try large("huge", 4000)
        #expect(desk.ask(huge) == .success("huge"))
        #expect(!desk.remembers(huge))
    }

    @Test("a cache without room verifies every time")
    func noRoom() throws {
        let token = try signed(#"{"sub":"7"}"#)
        for limit in 0...1 {
            let desk = try Desk(cache: VerifiedTokenCache(entryLimit: limit))
            #expect(desk.ask(token) == .success("7"))
            #expect(desk.ask(token) == .success("7"))
            #expect(desk.cache.hits == 0 && desk.cache.count == 0)
        }
    }

    @Test("what nobody asks for is forgotten after two lifetimes, when anything is stored")
    func forgetting() throws {
        let desk = try Desk()
        for number in 0..<100 { _ = try desk.ask(signed("{\"sub\":\(number)}")) }
        #expect(desk.cache.count == 100)
        desk.moment.seconds += VerifiedTokenCache.lifetimeSeconds
        _ = try desk.ask(signed(#"{"sub":"a"}"#))
        desk.moment.seconds += VerifiedTokenCache.lifetimeSeconds
        _ = try desk.ask(signed(#"{"sub":"b"}"#))
        #expect(desk.cache.count == 2)
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
                headers, query: QueryString(""), now: now, cache: &cache)
            #expect(identity.user == "b" && identity.rule == "two")
        }
        #expect(cache.hits == 2 && cache.count == 1)
    }
}
