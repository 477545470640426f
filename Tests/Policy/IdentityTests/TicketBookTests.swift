import Bytes
import Clock
import Endings
import Identity
import Settings
import Testing

private func at(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }

/// An IPv4 address, or an IPv6 address in groups of 16 bits.
private func four(_ octets: UInt8...) throws -> ClientAddress {
    try #require(
        ClientAddress(
            mappedOctets: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + octets))
}

private func six(_ groups: UInt16...) throws -> ClientAddress {
    try #require(
        ClientAddress(mappedOctets: groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }))
}

private func identity(
    _ user: String? = "7", rule: String = "app", expires: Int64? = nil
) throws -> VerifiedIdentity {
    let sub = user.map { "\"sub\":\"\($0)\"" }
    let exp = expires.map { "\"exp\":\($0)" }
    let claims = "{" + [sub, exp].compactMap(\.self).joined(separator: ",") + "}"
    return try authenticate(signed(claims), settings(rule))
}

extension TicketBook {
    /// A ticket that is bound to nothing.
    fileprivate func issue(_ identity: VerifiedIdentity, now: Instant) throws(IssueError) -> String
    {
        try issue(identity, to: nil, isBound: false, now: now)
    }

    /// The book does not look into a token: here it is the user's name.
    fileprivate func issue(
        _ identity: VerifiedIdentity, to address: ClientAddress?, isBound: Bool, now: Instant
    ) throws(IssueError) -> String {
        try issue(
            Secret(Array((identity.user ?? "").utf8)), of: identity, to: address, isBound: isBound,
            now: now)
    }

    fileprivate func redeem(
        _ ticket: String, rules: [String] = ["app"], from address: ClientAddress? = nil,
        now instant: Instant
    ) -> (user: String, rule: String)? {
        redeem(ticket, rules: rules, address: address, now: instant).map {
            (String(decoding: $0.token.octets, as: UTF8.self), $0.rule)
        }
    }
}

@Suite("One-time tickets")
struct TicketBookTests {
    @Test("a ticket stands for its token, once")
    func once() throws {
        let book = TicketBook()
        let ticket = try book.issue(identity(), now: at(0))
        let redeemed = book.redeem(ticket, now: at(1))
        #expect(redeemed?.user == "7" && redeemed?.rule == "app")
        #expect(book.redeem(ticket, now: at(1)) == nil)
        #expect(book.count == 0)
    }

    @Test("a ticket is 256 bits in base64url, and no two are alike")
    func form() throws {
        let book = TicketBook(userLimit: 1000)
        let tickets = try (0..<500).map { _ in try book.issue(identity(), now: at(0)) }
        #expect(Set(tickets).count == 500)
        for ticket in tickets {
            #expect(ticket.utf8.count == 43)
            #expect(Base64.decodeURL(ticket.utf8.span)?.count == 32)
        }
        // Every bit is set in some and clear in others.
        let octets = tickets.compactMap { Base64.decodeURL($0.utf8.span) }
        for index in 0..<256 {
            let set = octets.count { $0[index / 8] >> UInt8(index % 8) & 1 == 1 }
            #expect((150...350).contains(set))
        }
    }

    @Test(
        "it lives for half a minute", arguments: [(0, true), (29, true), (30, false), (31, false)])
    func age(seconds: Int64, isGood: Bool) throws {
        let book = TicketBook()
        let ticket = try book.issue(identity(), now: at(100))
        #expect((book.redeem(ticket, now: at(100 + seconds)) != nil) == isGood)
        #expect(book.redeem(ticket, now: at(100)) == nil)
    }

    @Test("it is too old behind however many that are too old as well")
    func crowd() throws {
        let book = TicketBook(userLimit: 1000)
        let tickets = try (0..<200).map { _ in try book.issue(identity(), now: at(0)) }
        let last = try #require(tickets.last)
        #expect(book.redeem(last, now: at(30)) == nil)
        #expect(book.redeem(last, now: at(0)) == nil, "it is spent")
    }

    @Test(
        "what is no ticket is refused",
        arguments: [
            "", "x", "%", String(repeating: "A", count: 42), String(repeating: "A", count: 43),
            String(repeating: "A", count: 44), String(repeating: "A", count: 100_000), "접속",
        ])
    func others(text: String) throws {
        let book = TicketBook()
        let ticket = try book.issue(identity(), now: at(0))
        #expect(book.redeem(text, now: at(0)) == nil)
        #expect(book.redeem(ticket + text, now: at(0))?.user == (text.isEmpty ? "7" : nil))
    }

    @Test("another spelling of the same bits is no ticket, and does not spend it")
    func spelling() throws {
        let book = TicketBook()
        let ticket = try book.issue(identity(), now: at(0))
        let last = try #require(ticket.utf8.last)
        // The last of 43 characters holds four bits; the other two must be zero.
        let other = String(decoding: Array(ticket.utf8.dropLast()) + [last + 1], as: UTF8.self)
        #expect(book.redeem(other, now: at(0)) == nil)
        #expect(book.redeem(ticket + "=", now: at(0)) == nil)
        #expect(book.redeem(ticket, now: at(0)) != nil)
    }

    @Test("it is good for its own block only, and spent where it was shown to another")
    func rules() throws {
        let book = TicketBook()
        let first = try book.issue(identity(), now: at(0))
        #expect(book.redeem(first, rules: ["other", "app"], now: at(0))?.rule == "app")
        let second = try book.issue(identity(), now: at(0))
        #expect(book.redeem(second, rules: ["other"], now: at(0)) == nil)
        #expect(book.redeem(second, now: at(0)) == nil)
        let third = try book.issue(identity(), now: at(0))
        #expect(book.redeem(third, rules: [], now: at(0)) == nil)
    }

    @Test("a bound one is good in the neighbourhood, and spent elsewhere")
    func binding() throws {
        let home = try four(192, 0, 2, 1)
        let network = try six(0x2001, 0xDB8, 0, 1, 0, 0, 0, 1)
        let table: [(ClientAddress?, ClientAddress?, Bool)] = [
            (home, home, true), (home, try four(192, 0, 2, 254), true),
            (home, try four(192, 0, 3, 1), false), (home, nil, false), (home, network, false),
            (network, network, true), (network, try six(0x2001, 0xDB8, 0, 1, 9, 9, 9, 9), true),
            (network, try six(0x2001, 0xDB8, 0, 2, 0, 0, 0, 1), false), (network, nil, false),
            (nil, nil, true), (nil, home, false),
        ]
        let book = TicketBook()
        for (issued, shown, isGood) in table {
            let bound = try book.issue(identity(), to: issued, isBound: true, now: at(0))
            #expect((book.redeem(bound, from: shown, now: at(0)) != nil) == isGood)
            #expect(book.redeem(bound, from: issued, now: at(0)) == nil)
            let free = try book.issue(identity(), to: issued, isBound: false, now: at(0))
            #expect(book.redeem(free, from: shown, now: at(0)) != nil)
        }
    }

    @Test("a user has so many at once; redeemed and old ones make room")
    func userLimit() throws {
        let book = TicketBook(limit: 100, userLimit: 3)
        let first = try book.issue(identity(), now: at(0))
        for _ in 0..<2 { _ = try book.issue(identity(), now: at(1)) }
        #expect(throws: TicketBook.IssueError.tooManyOfUser) {
            try book.issue(identity(), now: at(1))
        }
        _ = try book.issue(identity("8"), now: at(1))
        _ = try book.issue(identity("7", rule: "other"), now: at(1))
        #expect(book.redeem(first, now: at(1)) != nil)
        _ = try book.issue(identity(), now: at(1))
        #expect(throws: TicketBook.IssueError.tooManyOfUser) {
            try book.issue(identity(), now: at(30))
        }
        for _ in 0..<3 { _ = try book.issue(identity(), now: at(31)) }
        #expect(book.count == 3)
    }

    @Test("tokens that name no user have the limit each for itself")
    func nameless() throws {
        let book = TicketBook(limit: 100, userLimit: 1)
        _ = try book.issue(identity(nil, expires: now.seconds + 1), now: at(0))
        _ = try book.issue(identity(nil, expires: now.seconds + 2), now: at(0))
        #expect(throws: TicketBook.IssueError.tooManyOfUser) {
            try book.issue(identity(nil, expires: now.seconds + 2), now: at(0))
        }
    }

    @Test("there are so many in all; old ones make room however many they are")
    func limit() throws {
        let book = TicketBook(limit: 500, userLimit: 1000)
        for number in 0..<500 { _ = try book.issue(identity(), now: at(Int64(number / 250))) }
        #expect(throws: TicketBook.IssueError.tooMany) { try book.issue(identity(), now: at(2)) }
        #expect(throws: TicketBook.IssueError.tooMany) {
            try book.issue(identity("8"), now: at(29))
        }
        for _ in 0..<250 { _ = try book.issue(identity("8"), now: at(30)) }
        #expect(throws: TicketBook.IssueError.tooMany) { try book.issue(identity(), now: at(30)) }
        _ = try book.issue(identity(), now: at(31))
    }

    @Test("what tickets take is bounded in octets, whoever's they are, and given back")
    func octetLimit() throws {
        let token = Secret([UInt8](repeating: 0x61, count: 8000))
        let book = TicketBook(limit: 1000, userLimit: 1000, octetLimit: 100_000)
        func issue(_ user: String, at seconds: Int64) throws -> String {
            try book.issue(
                token, of: identity(user), to: nil, isBound: false, now: at(seconds))
        }
        let tickets = try (0..<11).map { try issue("\($0)", at: 0) }
        #expect((88_000...100_000).contains(book.octets))
        #expect(throws: TicketBook.IssueError.tooMany) { try issue("12", at: 1) }
        // A small one still has room.
        let small = try book.issue(identity(), now: at(1))
        #expect(book.redeem(tickets[0], rules: ["app"], address: nil, now: at(2)) != nil)
        _ = try issue("12", at: 2)
        #expect(throws: TicketBook.IssueError.tooMany) { try issue("13", at: 29) }
        #expect(book.redeem(small, now: at(29)) != nil)
        // Old ones make room, however many they are.
        for number in 0..<10 { _ = try issue("\(number)", at: 33) }
        #expect(book.octets <= 100_000)
        _ = try? book.issue(identity(), now: at(100))
        #expect(book.octets < 2000)
    }

    @Test("claims without end are not kept for a ticket")
    func longClaims() throws {
        let book = TicketBook(userLimit: 1000)
        let claims = "{\"name\":\"\(String(repeating: "x", count: 5000))\"}"
        let nameless = try authenticate(signed(claims), settings("app"))
        _ = try book.issue(Secret([1]), of: nameless, to: nil, isBound: false, now: at(0))
        #expect(book.octets < 1000)
    }

    @Test("no user is taken for another, nor for claims that spell its name")
    func holders() throws {
        let book = TicketBook(limit: 100, userLimit: 1)
        for (user, rule) in [("7", "app"), ("p7", "ap"), ("app7", ""), ("1:7", "app")] {
            _ = try book.issue(identity(user, rule: rule), now: at(0))
        }
        let claims = try identity(nil).encodedClaims
        _ = try book.issue(identity(nil), now: at(0))
        _ = try book.issue(identity(claims), now: at(0))
        #expect(book.count == 6)
    }

    @Test("a user's old tickets count for nothing behind many others that are old as well")
    func backlog() throws {
        let book = TicketBook(limit: 10_000, userLimit: 2)
        for number in 0..<3000 { _ = try book.issue(identity("\(number)"), now: at(0)) }
        for _ in 0..<2 { _ = try book.issue(identity("late"), now: at(0)) }
        for _ in 0..<2 { _ = try book.issue(identity("late"), now: at(60)) }
    }

    @Test("an old ticket is refused behind many others that are old as well")
    func oldBehindOld() throws {
        let book = TicketBook(userLimit: 1000)
        let one = try identity()
        let tickets = try (0..<200).map { _ in try book.issue(one, now: at(0)) }
        #expect(book.redeem(tickets[199], now: at(60)) == nil)
        #expect(book.redeem(tickets[0], now: at(60)) == nil)
    }

    @Test("the book forgets what is redeemed or old, a little at every step")
    func sweeping() throws {
        let book = TicketBook(limit: 1000, userLimit: 1000)
        let one = try identity()
        for round: Int64 in 0..<200 {
            var tickets: [String] = []
            for _ in 0..<50 { tickets.append(try book.issue(one, now: at(round))) }
            // Every second one is redeemed; the others grow old.
            for ticket in tickets.enumerated().filter({ $0.offset % 2 == 0 }) {
                #expect(book.redeem(ticket.element, now: at(round)) != nil)
            }
            #expect(book.count <= 31 * 25)
        }
    }

    @Test("two workers that are shown the same ticket let in one")
    func race() async throws {
        let book = TicketBook(userLimit: 1000)
        let tickets = try (0..<300).map { _ in try book.issue(identity(), now: at(0)) }
        let redeemed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { tickets.count { book.redeem($0, now: at(1)) != nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(redeemed == 300)
    }

    @Test("why there is none ends the request in its own way")
    func errors() {
        #expect(TicketBook.IssueError.tooManyOfUser.refusal.reason == .rateLimited)
        #expect(TicketBook.IssueError.tooManyOfUser.refusal.retryAfterSeconds == 30)
        #expect(TicketBook.IssueError.tooMany.refusal.reason == .overloaded)
    }
}
