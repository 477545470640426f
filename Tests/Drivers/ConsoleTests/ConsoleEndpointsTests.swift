import Clock
import Identity
import JSON
import Locks
import Testing
import Transport

@testable import Console

/// The console's own table, asked over the wire, with a real list of revocations behind it.
@Suite struct ConsoleEndpointsTests {
    private let backend = TestBackend()
    private let console: TestConsole

    init() throws { console = try TestConsole(backend.endpoints) }

    private func revoke(_ order: String) throws -> Reply {
        try console.ask("POST", "/revocations", json: order)
    }

    private func text(_ reply: Reply) -> String { "\(reply.status) \(reply.text)" }

    @Test(
        arguments: [
            (#"{"jti":"a1"}"#, #"{"revoked":{"jti":"a1"},"ended":1}"#),
            (#"{"user":"alice"}"#, #"{"revoked":{"user":"alice"},"ended":2}"#),
            (
                #"{"user":"접속","rule":"staff"}"#,
                #"{"revoked":{"user":"접속","rule":"staff"},"ended":0}"#
            ),
            (
                #"{"before":2000}"#, #"{"revoked":{"before":"1970-01-01T00:33:20Z"},"ended":1}"#
            ),
            (
                #"{"before":"1970-01-01T00:50:01.5+00:00","user":"bob","rule":"app"}"#,
                #"{"revoked":{"before":"1970-01-01T00:50:01.500Z","user":"bob","rule":"app"},"#
                    + #""ended":1}"#
            ),
            (
                #"{"jti":"b1","forget_after":60}"#,
                #"{"revoked":{"jti":"b1","forgotten_from":"2026-11-21T02:01:00Z"},"ended":1}"#
            ),
        ])
    func `an order is carried out, and says how many connections it ends`(
        order: String, answer: String
    ) throws {
        #expect(text(try revoke(order)) == "200 " + answer)
        #expect(backend.revocations().count == 1)
    }

    @Test(
        arguments: [
            ("{}", 400, "Expected exactly one of"),
            (#"{"jti":"a","user":"b"}"#, 400, "Expected exactly one of"),
            (#"{"jti":"a","before":1}"#, 400, "Expected exactly one of"),
            (#"{"rule":"app"}"#, 400, "Expected exactly one of"),
            (#"{"jti":"a","forget":1}"#, 400, "Unknown member 'forget'"),
            (#"{"jti":""}"#, 400, "member 'jti'"), (#"{"jti":7}"#, 400, "member 'jti'"),
            (#"{"before":"yesterday"}"#, 400, "member 'before'"),
            (#"{"before":-1}"#, 400, "member 'before'"),
            (#"{"before":1e20}"#, 400, "member 'before'"),
            (#"{"jti":"a","forget_after":0}"#, 400, "member 'forget_after'"),
            (#"{"jti":"a","forget_after":1e18}"#, 400, "member 'forget_after'"),
            (#"{"jti":"a","rule":"ap"}"#, 422, "There is no jwt block 'ap'"),
            ("[]", 400, "Expected an object"), ("", 415, "application/json"),
        ])
    func `an order that makes no sense does nothing`(
        order: String, status: Int, words: String
    ) throws {
        let reply =
            order.isEmpty
            ? try console.ask("POST", "/revocations", fields: ["Content-Length: 0"])
            : try revoke(order)
        #expect(reply.status == status)
        #expect(reply.detail?.contains(words) ?? false)
        #expect(backend.revocations() == [])
    }

    @Test func `a full list says so`() throws {
        backend.isFull.withLock { $0 = true }
        let reply = try revoke(#"{"jti":"a"}"#)
        #expect(reply.status == 507)
        #expect(reply.member("reason") == "overloaded")
    }

    private func list(_ query: String) throws -> (
        entries: [JSONValue], next: String?, total: JSONValue?
    ) {
        let reply = try console.ask("GET", "/revocations" + query)
        return (
            try #require(reply.member("revocations")?.array), reply.member("next")?.string,
            reply.member("total")
        )
    }

    @Test func `the list comes in pages that stay what they are`() throws {
        let empty = try list("")
        #expect(empty.entries == [] && empty.next == nil && empty.total == .whole(0))
        for index in 0..<25 {
            let name = "u\(String(1000 + index).dropFirst())"
            #expect(backend.store.add(Revocation(.user(name)), now: TestBackend.now))
        }
        let all = try list("").entries
        #expect(all.count == 25)
        var paged: [JSONValue] = []
        var next: String?
        var pageCount = 0
        repeat {
            let page = try list("?limit=10" + (next.map { "&after=" + $0 } ?? ""))
            paged += page.entries
            next = page.next
            pageCount += 1
            #expect(page.total == .whole(25 - (pageCount > 1 ? 1 : 0)))
            // Gone before the next page is asked for; it was on the first one.
            _ = backend.store.remove(Revocation(.user("u005")))
        } while next != nil
        #expect(pageCount == 3)
        #expect(paged == all)
        #expect(try list("?limit=25").next == nil)
    }

    @Test func `entries about the same name are different ones`() throws {
        let entries = [
            Revocation(.user("x")), Revocation(.user("x"), rule: "app"),
            Revocation(.token(id: "x")), Revocation(.issuedBefore(TestBackend.now, user: "x")),
            Revocation(.issuedBefore(TestBackend.now, user: nil)),
            Revocation(.issuedBefore(TestBackend.now, user: ""), rule: "app"),
        ]
        for entry in entries { #expect(backend.store.add(entry, now: TestBackend.now)) }
        var seen: [JSONValue] = []
        var next: String? = ""
        while let after = next {
            let page = try list("?limit=1" + (after.isEmpty ? "" : "&after=" + after))
            seen += page.entries
            next = page.next
        }
        #expect(seen.count == entries.count)
        #expect(Set(seen) == Set(entries.map(RevocationText.document)))
    }

    @Test(
        arguments: [
            ("?limit=0", "parameter 'limit'"), ("?limit=1001", "parameter 'limit'"),
            ("?after=*", "is not the 'next' of a page"), ("?page=2", "Unknown parameter 'page'"),
        ])
    func `a page that cannot be is refused`(query: String, words: String) throws {
        let reply = try console.ask("GET", "/revocations" + query)
        #expect(reply.status == 400)
        #expect(reply.detail?.contains(words) ?? false)
    }

    @Test(
        arguments: [
            ("?jti=a1", 204, ""), ("?user=alice&rule=app", 204, ""), ("?user=alice", 404, ""),
            ("?before=7&user=bob", 204, ""), ("?before=2026-11-21T02%3A00%3A00Z&user=bob", 204, ""),
            ("?before=7", 404, ""), ("?jti=a1&rule=none", 404, ""),
            ("", 400, "Expected exactly one of"), ("?jti=a1&user=alice", 400, "exactly one of"),
            ("?jti=a1&forget_after=1", 400, "Unknown parameter 'forget_after'"),
        ])
    func `an entry is taken back`(query: String, status: Int, words: String) throws {
        let entries = [
            Revocation(.token(id: "a1")), Revocation(.user("alice"), rule: "app"),
            Revocation(.issuedBefore(TestBackend.now, user: "bob")),
        ]
        for entry in entries { #expect(backend.store.add(entry, now: TestBackend.now)) }
        let reply = try console.ask("DELETE", "/revocations" + query)
        #expect(reply.status == status)
        #expect(words.isEmpty || reply.detail?.contains(words) ?? false)
        #expect(backend.revocations().count == (status == 204 ? 2 : 3))
        if status == 204 { #expect(reply.field("Content-Length") == nil && reply.body == []) }
    }

    @Test func `sources of keys are told`() throws {
        let one = KeySourceStatus(
            name: "https://id.test/keys", kind: .remote, keyCount: 2, isFailing: true,
            isStale: true, successAge: .milliseconds(61_900), attempts: 9, failures: 3, changes: 1)
        let other = KeySourceStatus(
            name: "/etc/key.pem", kind: .publicKey, keyCount: 0, isFailing: false, isStale: false,
            successAge: nil, attempts: .max, failures: 0, changes: 0)
        backend.sources.withLock { $0 = [one, other] }
        let reply = try console.ask("GET", "/keys")
        let expected = """
            200 {"sources":[{"name":"/etc/key.pem","kind":"public_key","keys":0,"failing":false,\
            "stale":false,"last_success_age_seconds":null,"attempts":9007199254740991,\
            "failures":0,"changes":0},{"name":"https://id.test/keys","kind":"remote","keys":2,\
            "failing":true,"stale":true,"last_success_age_seconds":61,"attempts":9,"failures":3,\
            "changes":1}]}
            """
        #expect(text(reply) == expected)
    }

    @Test func `metrics are told as Prometheus reads them`() throws {
        let family = MetricFamily("gateway_x", .gauge, help: "X.", [.init(.whole(1))])
        backend.families.withLock { $0 = [family] }
        let reply = try console.ask("GET", "/metrics")
        #expect(text(reply) == "200 # HELP gateway_x X.\n# TYPE gateway_x gauge\ngateway_x 1\n")
        #expect(
            reply.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(reply.field("Cache-Control") == "no-store")
    }
}
