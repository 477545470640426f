import Clock
import Identity
import Randomness
import Settings
import Testing

private func file(_ text: String) throws -> RevocationFile {
    let octets = Array(text.utf8)
    return try RevocationFile(octets.span)
}

private func mistake(_ octets: [UInt8]) -> String? {
    do throws(RevocationFile.Mistake) {
        _ = try RevocationFile(octets.span)
        return nil
    } catch {
        return error.description
    }
}

/// Who comes with a token of these claims, by a block of this name.
private func identity(_ claims: String, rule: String = "app") throws -> VerifiedIdentity {
    try authenticate(signed(claims), settings(rule))
}

private func date(_ seconds: Int64) -> WallTime { WallTime(seconds: seconds) }

@Suite("A file of revocations")
struct RevocationFileTests {
    @Test(
        "one entry a line, comments and blank lines between",
        arguments: [
            ("", 0), ("\n\n  \n", 0), ("# nothing\n   # here", 0), ("jti a", 1), ("jti a\n", 1),
            ("jti\ta\r\nuser b\r\n", 2), ("  user   b   # lost phone\n", 1),
            ("jti a\njti a\nuser a\n", 2), ("user b #c\nuser b#c", 2), ("\u{FEFF}jti a", 1),
            ("user 접속", 1), ("jti jti\nuser user", 2),
        ])
    func counting(text: String, count: Int) throws {
        #expect(try file(text).count == count)
    }

    @Test(
        "a mistake names its line",
        arguments: [
            ("jti a\nuzer b", "line 2: expected 'jti ID' or 'user NAME'"),
            ("a", "line 1: expected 'jti ID' or 'user NAME'"),
            ("\n\njti", "line 3: something is missing after 'jti'"),
            ("user # 7", "line 1: something is missing after 'user'"),
            ("user a b", "line 1: a line has one entry: 'user' and one word"),
            ("JTI a", "line 1: expected 'jti ID' or 'user NAME'"),
            ("jti=a", "line 1: expected 'jti ID' or 'user NAME'"),
        ])
    func mistakes(text: String, expected: String) {
        #expect(mistake(Array(text.utf8)) == expected)
    }

    @Test("what is no text is none of an entry's either")
    func octets() {
        #expect(mistake(Array("jti a\njti ".utf8) + [0xFF]) == "line 2: this line is not UTF-8")
        #expect(mistake(Array("# ".utf8) + [0xC3]) == "line 1: this line is not UTF-8")
    }

    @Test("size and entries have their limits")
    func limits() {
        let comment = "#" + String(repeating: "x", count: RevocationFile.octetLimit - 1)
        #expect(mistake(Array(comment.utf8)) == nil)
        #expect(mistake(Array((comment + "x").utf8)) == "the list is larger than 1 MiB")
        func entries(_ count: Int) -> [UInt8] {
            Array((0..<count).map { "jti \(String($0, radix: 36))" }.joined(separator: "\n").utf8)
        }
        #expect(mistake(entries(RevocationFile.entryLimit)) == nil)
        #expect(
            mistake(entries(RevocationFile.entryLimit + 1))
                == "line 100001: the list has more than 100000 entries")
    }

    @Test("tokens and users are meant by exactly their ids and names")
    func meaning() throws {
        let file = try file("jti a\nuser 7\nuser e\u{301}\n")
        let table: [(String?, String?, Bool)] = [
            (nil, nil, false), (nil, "a", true), ("7", nil, true), ("8", "b", false),
            ("a", nil, false), (nil, "7", false), ("07", nil, false), (nil, "A", false),
            ("e\u{301}", nil, true), ("\u{E9}", nil, false),
        ]
        for (user, tokenID, expected) in table {
            #expect(file.means(user: user, tokenID: tokenID) == expected)
        }
    }

    @Test("no random change of a file traps")
    func mutations() {
        var generator = SeededGenerator(seed: 7009)
        let text = Array("# list\njti 5f0c9a\nuser 4711 # lost\n\njti 접속\n".utf8)
        var outcomes: Set<Bool> = []
        for _ in 0..<3000 { outcomes.insert(mistake(generator.mutated(text)) == nil) }
        #expect(outcomes == [true, false])
    }
}

@Suite("What is revoked")
struct RevocationListTests {
    @Test(
        "an entry means the tokens it names, of its block or of all",
        arguments: [
            (Revocation(.token(id: "a")), #"{"jti":"a"}"#, true),
            (Revocation(.token(id: "7")), #"{"jti":7}"#, true),
            (Revocation(.token(id: "a")), #"{"jti":"b"}"#, false),
            (Revocation(.token(id: "a")), #"{"sub":"a"}"#, false),
            (Revocation(.user("7")), #"{"sub":7,"jti":"x"}"#, true),
            (Revocation(.user("7")), #"{"sub":"8"}"#, false), (Revocation(.user("7")), "{}", false),
            (Revocation(.user("7"), rule: "app"), #"{"sub":"7"}"#, true),
            (Revocation(.user("7"), rule: "other"), #"{"sub":"7"}"#, false),
            (Revocation(.token(id: "a"), rule: "other"), #"{"jti":"a"}"#, false),
            (Revocation(.issuedBefore(date(100), user: nil)), #"{"iat":99}"#, true),
            (Revocation(.issuedBefore(date(100), user: nil)), #"{"iat":99.999}"#, true),
            (Revocation(.issuedBefore(date(100), user: nil)), #"{"iat":100}"#, false),
            (Revocation(.issuedBefore(date(100), user: nil)), "{}", true),
            (Revocation(.issuedBefore(date(100), user: "7")), #"{"sub":"7","iat":9}"#, true),
            (Revocation(.issuedBefore(date(100), user: "7")), #"{"sub":"7","iat":101}"#, false),
            (Revocation(.issuedBefore(date(100), user: "7")), #"{"sub":"8","iat":9}"#, false),
            (Revocation(.issuedBefore(date(100), user: "7")), #"{"iat":9}"#, false),
            (Revocation(.issuedBefore(date(100), user: "7")), #"{"sub":"7"}"#, true),
            (Revocation(.issuedBefore(date(1), user: nil), rule: "other"), "{}", false),
        ])
    func meaning(revocation: Revocation, claims: String, expected: Bool) throws {
        let identity = try identity(claims)
        #expect(revocation.means(identity) == expected)
        var list = RevocationList()
        #expect(list.isEmpty && !list.isRevoked(identity, now: now))
        #expect(list.add(revocation, now: now) == true)
        #expect(list.isRevoked(identity, now: now) == expected)
    }

    @Test("an entry counts until it may be forgotten, and not a moment longer")
    func expiry() throws {
        let identity = try identity(#"{"sub":"7"}"#)
        let end = now.advanced(by: .seconds(60))
        var list = RevocationList()
        #expect(list.add(Revocation(.user("7"), forgottenFrom: end), now: now) == true)
        #expect(list.isRevoked(identity, now: end.advanced(by: .nanoseconds(-1))))
        #expect(!list.isRevoked(identity, now: end))
        list.forget(now: now)
        #expect(list.revocations.count == 1)
        list.forget(now: end)
        #expect(list.revocations.isEmpty)
    }

    @Test("of two entries for the same target the one that means more counts, in any order")
    func union() throws {
        let soon = now.advanced(by: .seconds(10))
        let late = now.advanced(by: .seconds(20))
        func target(_ seconds: Int64) -> Revocation.Target {
            .issuedBefore(date(seconds), user: nil)
        }
        let rows: [(Revocation, Revocation, Revocation)] = [
            (
                Revocation(target(5), forgottenFrom: late),
                Revocation(target(9), forgottenFrom: soon),
                Revocation(target(9), forgottenFrom: late)
            ),
            (
                Revocation(.user("7"), forgottenFrom: soon), Revocation(.user("7")),
                Revocation(.user("7"))
            ),
        ]
        for (first, second, expected) in rows {
            for pair in [[first, second], [second, first]] {
                var list = RevocationList()
                for entry in pair { #expect(list.add(entry, now: now) == true) }
                #expect(list.revocations == [expected])
            }
        }
        var list = RevocationList()
        #expect(list.add(Revocation(target(9), forgottenFrom: soon), now: now) == true)
        #expect(list.add(Revocation(target(5), forgottenFrom: late), now: soon) == true)
        #expect(list.revocations == [Revocation(target(5), forgottenFrom: late)])
    }

    @Test("entries of different blocks and users stand side by side, and can be taken back")
    func sides() throws {
        let entries = [
            Revocation(.user("7")), Revocation(.user("7"), rule: "app"), Revocation(.user("8")),
            Revocation(.token(id: "7")), Revocation(.issuedBefore(date(5), user: "7")),
            Revocation(.issuedBefore(date(5), user: nil)),
        ]
        var list = RevocationList()
        for entry in entries { #expect(list.add(entry, now: now) == true) }
        #expect(Set(list.revocations) == Set(entries))
        for entry in entries {
            #expect(list.remove(entry) == true)
            #expect(list.remove(entry) == false)
        }
        #expect(list.isEmpty)
    }

    @Test("files count for their own block, are replaced whole, and go with their block")
    func files() throws {
        var list = RevocationList()
        list.setFile(try file("user 7\njti a"), of: "app")
        list.setFile(try file("user 8"), of: "other")
        #expect(list.fileCount == 3)
        #expect(list.isRevoked(try identity(#"{"sub":"7"}"#), now: now))
        #expect(list.isRevoked(try identity(#"{"jti":"a"}"#), now: now))
        #expect(!list.isRevoked(try identity(#"{"sub":"8"}"#), now: now))
        #expect(list.isRevoked(try identity(#"{"sub":"8"}"#, rule: "other"), now: now))
        list.setFile(try file("user 9"), of: "app")
        #expect(!list.isRevoked(try identity(#"{"sub":"7"}"#), now: now))
        #expect(list.isRevoked(try identity(#"{"sub":"9"}"#), now: now))
        list.keepFiles(of: ["app"])
        #expect(!list.isRevoked(try identity(#"{"sub":"8"}"#, rule: "other"), now: now))
        list.setFile(nil, of: "app")
        #expect(list.isEmpty)
        #expect(list.add(Revocation(.user("9")), now: now) == true)
        list.setFile(try file(""), of: "app")
        #expect(list.isRevoked(try identity(#"{"sub":"9"}"#), now: now))
    }

    @Test("a full list refuses new entries, makes room by forgetting, and still widens old ones")
    func limit() {
        var list = RevocationList()
        let end = now.advanced(by: .seconds(1))
        for number in 0..<RevocationList.entryLimit {
            let isShort = number == 0
            let entry = Revocation(.user("\(number)"), forgottenFrom: isShort ? end : nil)
            if !list.add(entry, now: now) { Issue.record("\(number)") }
        }
        #expect(list.add(Revocation(.user("new")), now: now) == false)
        #expect(list.add(Revocation(.user("7")), now: now) == true)
        #expect(list.add(Revocation(.user("new")), now: end) == true)
        #expect(list.add(Revocation(.user("newer")), now: end) == false)
        #expect(list.revocations.count == RevocationList.entryLimit)
    }

    @Test("a token is known by its jti and iat")
    func claims() throws {
        let known = try identity(#"{"jti":"a","iat":1700000000.5}"#)
        #expect(known.tokenID == "a")
        #expect(known.issued == WallTime(seconds: 1_700_000_000, nanoseconds: 500_000_000))
        let unknown = try identity(#"{"jti":["a"]}"#)
        #expect(unknown.tokenID == nil && unknown.issued == nil)
    }

    @Test("workers see what any of them adds, and keep the list they asked for")
    func store() throws {
        let store = RevocationStore()
        let before = store.current
        let identity = try identity(#"{"sub":"7"}"#)
        #expect(store.add(Revocation(.user("7"), forgottenFrom: now), now: date(0)))
        #expect(store.current.isRevoked(identity, now: date(0)) && before.isEmpty)
        store.forget(now: now)
        #expect(store.current.isEmpty)
        store.setFile(try file("user 7"), of: "app")
        #expect(store.current.isRevoked(identity, now: now))
        store.keepFiles(of: [])
        #expect(!store.current.isRevoked(identity, now: now))
        #expect(!store.remove(Revocation(.user("7"))))
    }

    @Test("nothing is lost when many add at once")
    func race() async {
        let store = RevocationStore()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<200 {
                        _ = store.add(Revocation(.user("\(task) \(number)")), now: now)
                        _ = store.current.isEmpty
                    }
                }
            }
        }
        #expect(store.current.revocations.count == 1600)
    }
}
