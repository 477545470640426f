import Clock
import Crypto
import Endings
import HTTP
import Identity
import JWT
import Settings
import Testing

/// What a gate says of a request.
private enum Answer: Equatable {
    case user(String?)
    case nobody
    case failure(GateFailure.Reason)
}

private func ask(
    _ gate: TokenGate, _ headers: KeyValuePairs<String, String> = [:], query: String = "",
    _ circumstances: TokenGate.Circumstances = .init(date: now, now: .zero)
) -> Answer {
    var cache = VerifiedTokenCache()
    do throws(GateFailure) {
        let pass = try gate.authenticate(
            fields(headers), query: QueryString(query), circumstances, cache: &cache)
        return pass.map { .user($0.identity.user) } ?? .nobody
    } catch {
        return .failure(error.reason)
    }
}

private func gate(
    _ rules: TokenSettings..., optional: Bool = false, acceptsTickets: Bool = true
) throws -> TokenGate {
    TokenGate(
        rules: try rules.map { try Authenticator($0) }, allowsAnonymous: optional,
        acceptsTickets: acceptsTickets)
}

private func revoking(_ revocations: Revocation...) -> TokenGate.Circumstances {
    var list = RevocationList()
    for revocation in revocations { _ = list.add(revocation, now: now) }
    return TokenGate.Circumstances(date: now, now: .zero, revocations: list)
}

@Suite("Who may come without a token")
struct OptionalTokenTests {
    @Test("nothing passes without an identity where that is allowed, what is not good never")
    func optional() throws {
        let good = try signed(#"{"sub":"7"}"#)
        let expired = try signed(#"{"exp":1}"#)
        let rule = settings { $0.from = [.bearer, .query("token"), .cookie("t")] }
        let table: [(KeyValuePairs<String, String>, String, Answer)] = [
            ([:], "", .nobody), (["Authorization": "Basic abc"], "", .nobody),
            (["Authorization": "Bearer "], "", .nobody), ([:], "token=", .nobody),
            (["Cookie": "other=x; t="], "", .nobody), ([:], "ticket=x", .nobody),
            (["Authorization": "Bearer \(good)"], "", .user("7")),
            (["Authorization": "Bearer x"], "", .failure(.token(.malformed))),
            (["Authorization": "Bearer \(expired)"], "", .failure(.token(.expired))),
            (["Authorization": "Bearer x"], "token=\(good)", .failure(.token(.malformed))),
            ([:], "token=x", .failure(.token(.malformed))),
            (["Cookie": "t=x"], "", .failure(.token(.malformed))),
            (
                ["Authorization": "Basic a", "authorization": "Basic b"], "",
                .failure(.token(.malformed))
            ),
        ]
        let open = try gate(rule, optional: true)
        let closed = try gate(rule)
        for (headers, query, expected) in table {
            #expect(ask(open, headers, query: query) == expected, "\(headers) \(query)")
            let strict = expected == .nobody ? .failure(.token(.missing)) : expected
            #expect(ask(closed, headers, query: query) == strict, "\(headers) \(query)")
        }
    }

    @Test("a token that any of the blocks finds has to be good for one of them")
    func several() throws {
        let gate = try gate(
            settings("one", secret: "first secret"),
            settings("two", secret: "second secret") { $0.from = [.query("token")] },
            optional: true)
        let first = try signed(#"{"sub":"a"}"#, secret: "first secret")
        #expect(ask(gate) == .nobody)
        #expect(ask(gate, query: "token=\(first)") == .failure(.token(.signature)))
        #expect(
            ask(gate, ["Authorization": "Bearer \(first)"], query: "token=x") == .user("a"))
    }
}

@Suite("Failures at the gate")
struct GateFailureTests {
    private static func keyed(_ name: String, _ ids: String?...) throws -> Authenticator {
        let keys = try ids.map {
            try VerificationKey(keyID: $0, secret: secretText.utf8.span, algorithms: [.hs256])
        }
        return try Authenticator(settings(name), algorithms: [.hs256], keys: KeyRing(keys))
    }

    private static func failure(_ gate: TokenGate, _ token: String) -> GateFailure? {
        var cache = VerifiedTokenCache()
        do throws(GateFailure) {
            _ = try gate.authenticate(
                fields(["Authorization": "Bearer \(token)"]), query: QueryString(""),
                TokenGate.Circumstances(date: now, now: .zero), cache: &cache)
            return nil
        } catch {
            return error
        }
    }

    @Test("the blocks that may know the key after fetching it are named, whatever is told")
    func unknownKeys() throws {
        let token = try signed(header: #"{"alg":"HS256","kid":"new"}"#, "{}")
        let old = try Self.keyed("old", "old")
        let other = try Self.keyed("other", "a", "b")
        let known = try Self.keyed("known", "new")
        let wrong = try Authenticator(settings("wrong", secret: "another secret"))
        let rows: [([Authenticator], GateFailure.Reason?, [Int])] = [
            ([old], .token(.unknownKey), [0]), ([old, other], .token(.unknownKey), [0, 1]),
            ([wrong, old], .token(.signature), [1]), ([old, wrong], .token(.signature), [0]),
            ([wrong], .token(.signature), []), ([old, known], nil, []),
        ]
        for (rules, reason, unknown) in rows {
            let failure = Self.failure(TokenGate(rules: rules), token)
            #expect(failure?.reason == reason)
            #expect((failure?.unknownKeyRules ?? []) == unknown)
        }
        let again = try old.replacingKeys(known.keys)
        #expect(Self.failure(TokenGate(rules: [again]), token) == nil)
    }

    @Test("what was brought and is not believed is an attempt, nothing and our own faults are none")
    func attempts() throws {
        let expired = try signed(#"{"exp":1}"#)
        #expect(Self.failure(try gate(settings()), expired)?.isFailedAttempt == true)
        #expect(Self.failure(try gate(settings()), "x")?.isFailedAttempt == true)
        #expect(Self.failure(try gate(settings()), "")?.isFailedAttempt == false)
    }

    @Test("each is a refusal and a challenge")
    func refusals() throws {
        let expired = try #require(Self.failure(gate(settings()), try signed(#"{"exp":1}"#)))
        #expect(expired.refusal == TokenError.expired.refusal.asFailedAttempt)
        #expect(expired.challenge(realm: "a") == TokenError.expired.challenge(realm: "a"))
        let missing = try #require(Self.failure(gate(settings()), ""))
        #expect(missing.challenge(realm: "a") == "Bearer realm=\"a\"")
    }

    @Test("the worker's memory is asked, and revocations all the same")
    func memory() throws {
        let gate = try gate(settings())
        let token = try signed(#"{"sub":"7"}"#)
        let headers = fields(["Authorization": "Bearer \(token)"])
        var cache = VerifiedTokenCache()
        for _ in 0..<3 {
            _ = try gate.authenticate(
                headers, query: QueryString(""), .init(date: now, now: .zero), cache: &cache)
        }
        #expect(cache.count == 1)
        #expect(throws: GateFailure.self) {
            try gate.authenticate(
                headers, query: QueryString(""), revoking(Revocation(.user("7"))), cache: &cache)
        }
        #expect(cache.count == 1)
    }
}

@Suite("Revoked at the gate")
struct RevokedAtGateTests {
    @Test("a good token of who is revoked is refused, and says so")
    func revoked() throws {
        let token = try signed(#"{"sub":"7","jti":"a"}"#)
        let headers: KeyValuePairs = ["Authorization": "Bearer \(token)"]
        let gate = try gate(settings(), optional: true)
        #expect(ask(gate, headers, revoking(Revocation(.user("8")))) == .user("7"))
        #expect(ask(gate, headers, revoking(Revocation(.token(id: "a")))) == .failure(.revoked))
        let other = revoking(Revocation(.user("7"), rule: "other"))
        #expect(ask(gate, headers, other) == .user("7"))
    }

    @Test("another block may still let the token in; what is told is that it is revoked")
    func several() throws {
        let token = try signed(#"{"sub":"7"}"#)
        let headers: KeyValuePairs = ["Authorization": "Bearer \(token)"]
        let revoked = revoking(Revocation(.user("7"), rule: "one"))
        #expect(ask(try gate(settings("one"), settings("two")), headers, revoked) == .user("7"))
        let mixed = try gate(settings("one"), settings("two", secret: "another"))
        #expect(ask(mixed, headers, revoked) == .failure(.revoked))
    }

    @Test("a token that came by itself is judged as any other")
    func bare() throws {
        let gate = try gate(settings("one", secret: "first secret"), settings("two"))
        var cache = VerifiedTokenCache()
        func answer(_ token: String, _ circumstances: TokenGate.Circumstances) -> Answer {
            do throws(GateFailure) {
                let token = Array(token.utf8)
                return .user(
                    try gate.authenticate(token: token.span, circumstances, cache: &cache).user)
            } catch {
                return .failure(error.reason)
            }
        }
        let token = try signed(#"{"sub":"7"}"#)
        #expect(answer(token, revoking()) == .user("7"))
        #expect(answer(token, revoking(Revocation(.user("7")))) == .failure(.revoked))
        #expect(answer("x", revoking()) == .failure(.token(.malformed)))
        #expect(answer("", revoking()) == .failure(.token(.malformed)))
        #expect(cache.count == 1)
    }
}

@Suite("Tickets at the gate")
struct TicketsAtGateTests {
    private let book = TicketBook()
    private let ticketed = settings { $0.tickets = .on }

    private func circumstances(
        from address: ClientAddress? = nil, _ revocations: RevocationList = RevocationList(),
        at date: WallTime = now
    ) -> TokenGate.Circumstances {
        TokenGate.Circumstances(
            date: date, now: .zero, revocations: revocations, tickets: book, address: address)
    }

    private func optionalGate() throws -> TokenGate { try gate(ticketed, optional: true) }

    private func ticket(
        _ gate: TokenGate, _ rule: String = "app", _ claims: String = #"{"sub":"7"}"#,
        from address: ClientAddress? = nil
    ) throws -> String {
        let token = try signed(claims)
        return try gate.issueTicket(
            for: authenticate(token, settings(rule)), fields(["Authorization": "Bearer \(token)"]),
            query: QueryString(""), circumstances(from: address))
    }

    @Test("it does not outlive its token")
    func end() throws {
        let gate = try gate(settings { ($0.tickets, $0.leeway) = (.on, .zero) })
        let end = WallTime(seconds: now.seconds + 10)
        for (moment, isGood) in [(end.advanced(by: .nanoseconds(-1)), true), (end, false)] {
            let query = "ticket=\(try ticket(gate, "app", #"{"sub":"7","exp":\#(end.seconds)}"#))"
            let answer = ask(gate, query: query, circumstances(at: moment))
            #expect(answer == (isGood ? .user("7") : .failure(.ticket)))
        }
    }

    @Test(
        "it is worth what its token is where it is shown: by other keys or rules it may be nothing",
        arguments: [
            (settings(secret: "another secret, as long as the hash") { $0.tickets = .on }, false),
            (settings { ($0.tickets, $0.issuer) = (.on, "https://auth.example.kr") }, false),
            (settings { ($0.tickets, $0.requiredClaims) = (.on, ["exp"]) }, false),
            (settings(algorithms: [.hs384]) { $0.tickets = .on }, false),
            (settings { ($0.tickets, $0.requiredClaims) = (.on, ["sub"]) }, true),
        ])
    func otherRules(now newest: TokenSettings, isGood: Bool) throws {
        let query = "ticket=\(try ticket(gate(ticketed)))"
        let answer = ask(try gate(newest), query: query, circumstances())
        #expect(answer == (isGood ? .user("7") : .failure(.ticket)))
        #expect(ask(try gate(ticketed), query: query, circumstances()) == .failure(.ticket))
    }

    @Test("a ticket lets in once whom its token would have let in")
    func once() throws {
        let gate = try gate(ticketed)
        let query = "a=b&ticket=\(try ticket(gate))"
        #expect(ask(gate, query: query, circumstances()) == .user("7"))
        #expect(ask(gate, query: query, circumstances()) == .failure(.ticket))
        let open = try optionalGate()
        #expect(ask(open, query: query, circumstances()) == .failure(.ticket))
        #expect(ask(open, query: "ticket=", circumstances()) == .nobody)
    }

    @Test("it counts where no token was found, and is not spent otherwise")
    func order() throws {
        let gate = try gate(ticketed)
        let query = "ticket=\(try ticket(gate))"
        let other = try signed(#"{"sub":"8"}"#)
        let bearer: KeyValuePairs = ["Authorization": "Bearer \(other)"]
        #expect(ask(gate, bearer, query: query, circumstances()) == .user("8"))
        let bad: KeyValuePairs = ["Authorization": "Bearer x"]
        let malformed = Answer.failure(.token(.malformed))
        #expect(ask(gate, bad, query: query, circumstances()) == malformed)
        #expect(ask(gate, query: query, circumstances()) == .user("7"))
    }

    @Test("blocks without tickets, routes that hand them out and gateways without a book take none")
    func without() throws {
        let query = "ticket=\(try ticket(gate(ticketed)))"
        let missing = Answer.failure(.token(.missing))
        #expect(ask(try gate(settings()), query: query, circumstances()) == missing)
        let giver = try gate(ticketed, acceptsTickets: false)
        #expect(ask(giver, query: query, circumstances()) == missing)
        #expect(ask(try gate(ticketed), query: query) == missing)
        #expect(ask(try gate(ticketed), query: query, circumstances()) == .user("7"))
    }

    @Test("one of several blocks takes the ticket that is its own")
    func several() throws {
        let both = try gate(ticketed, settings("two") { $0.tickets = .on })
        let query = "ticket=\(try ticket(both, "two"))"
        let elsewhere = "ticket=\(try ticket(both, "two"))"
        #expect(ask(both, query: query, circumstances()) == .user("7"))
        let one = try gate(ticketed, settings("two"))
        #expect(ask(one, query: elsewhere, circumstances()) == .failure(.ticket))
    }

    @Test("a ticket of who was revoked meanwhile is good for nothing")
    func revoked() throws {
        let gate = try gate(ticketed)
        let query = "ticket=\(try ticket(gate))"
        var list = RevocationList()
        #expect(list.add(Revocation(.user("7")), now: now) == true)
        #expect(ask(gate, query: query, circumstances(from: nil, list)) == .failure(.revoked))
    }

    @Test("bound to its address where the block says so")
    func bound() throws {
        func address(_ last: UInt8, _ third: UInt8 = 2) throws -> ClientAddress {
            let prefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
            return try #require(ClientAddress(mappedOctets: prefix + [192, 0, third, last]))
        }
        for (tickets, isFree) in [(TokenSettings.Tickets.on, true), (.boundToAddress, false)] {
            let gate = try gate(settings { $0.tickets = tickets })
            func query() throws -> String {
                "ticket=\(try ticket(gate, from: address(1)))"
            }
            let near = circumstances(from: try address(200))
            #expect(ask(gate, query: try query(), near) == .user("7"))
            let far = circumstances(from: try address(1, 3))
            #expect(ask(gate, query: try query(), far) == (isFree ? .user("7") : .failure(.ticket)))
        }
    }

    @Test("there is none for tokens of a block without tickets")
    func notIssued() throws {
        let token = try signed(#"{"sub":"7"}"#)
        let identity = try authenticate(token)
        for (gate, circumstances) in [
            (try gate(settings()), circumstances()), (try gate(ticketed), revoking()),
            (try gate(settings("two") { $0.tickets = .on }), circumstances()),
        ] {
            do throws(Refusal) {
                _ = try gate.issueTicket(
                    for: identity, fields(["Authorization": "Bearer \(token)"]),
                    query: QueryString(""), circumstances)
                Issue.record("issued")
            } catch {
                #expect(error.reason == .forbidden)
            }
        }
    }

    @Test("the ticket goes before the upstream sees it")
    func stripping() {
        #expect(TokenStripping([ticketed]).queryNames == ["ticket"])
        #expect(TokenStripping([settings()]).queryNames == [])
    }

    @Test("a ticket that is not good is told as such, without the ticket")
    func refusal() throws {
        var cache = VerifiedTokenCache()
        let gate = try gate(ticketed)
        do throws(GateFailure) {
            _ = try gate.authenticate(
                fields([:]), query: QueryString("ticket=abc"), circumstances(), cache: &cache)
            Issue.record("let in")
        } catch {
            #expect(error.isFailedAttempt)
            #expect(error.refusal.status == 401 && error.refusal.detail == "ticket_invalid")
            #expect(
                error.challenge(realm: "a") == "Bearer realm=\"a\", error=\"invalid_token\", "
                    + "error_description=\"Ticket not valid\"")
        }
    }
}
