import Clock
import Endings
import JSON
import Locks
import Records
import Sessions
import Testing

@testable import Console

/// Sessions, stores, policies, devices and history, asked over the wire, with a real table of
/// sessions behind them.
@Suite struct SessionEndpointsTests {
    private let backend = TestBackend()
    private let console: TestConsole

    init() throws { console = try TestConsole(backend.endpoints) }

    private func get(_ target: String) throws -> JSONObject {
        let reply = try console.ask("GET", target)
        #expect(reply.status == 200, "\(target): \(reply.text)")
        return try #require(reply.json?.object)
    }

    /// The ClientIds of the sessions in an answer.
    private func devices(_ document: JSONObject) -> [String] {
        (document["sessions"]?.array ?? []).compactMap {
            $0.object?["device"]?.object?["client_id"]?.string
        }
    }

    private func fill() throws {
        try backend.enter(1, device: "A")
        try backend.enter(2, device: "B")
        try backend.enter(3, store: "18", device: "C", role: "kiosk")
        try backend.enter(4, store: "접수", device: "D", role: "board")
    }

    // MARK: Sessions

    @Test(
        arguments: [
            ("", ["A", "B", "C", "D"]), ("?store=17", ["A", "B"]), ("?role=kiosk", ["C"]),
            ("?device=D", ["D"]), ("?user=7&store=18", ["C"]), ("?user=8", []),
            ("?transport=websocket&block=boards&store=%EC%A0%91%EC%88%98", ["D"]),
            ("?transport=event_stream", []), ("?block=other", []),
        ])
    func `sessions are listed by what they are`(query: String, wanted: [String]) throws {
        try fill()
        #expect(devices(try get("/sessions" + query)) == wanted)
    }

    @Test func `a list is walked through page by page`() throws {
        try fill()
        var seen: [String] = []
        var target = "/sessions?limit=3"
        while true {
            let page = try get(target)
            seen += devices(page)
            guard let next = page["next"]?.string else { break }
            target = "/sessions?limit=3&after=" + next
        }
        #expect(seen == ["A", "B", "C", "D"])
        #expect(try console.ask("GET", "/sessions?after=x").status == 400)
    }

    @Test func `one session says all that is known of it`() throws {
        try fill()
        let known = try get("/sessions/00000000000000000000000000000002")
        let expected: JSONObject = [
            "id": "00000000000000000000000000000002", "seated": true, "block": "boards",
            "store": "17",
            "device": ["client_id": "B", "name": .null, "source": "query:client_id"],
            "role": "admin", "user": "7", "address": "192.0.2.1", "user_agent": "Mozilla/5.0",
            "transport": "websocket", "route": "/ws",
            "connected_since": "2026-11-21T01:43:22.000Z",
            "device_since": "2026-11-21T01:43:22.000Z", "generation": .whole(3),
            "last_heard": "2026-11-21T02:00:00.000Z", "octets_in": .whole(1),
            "octets_out": .whole(2), "messages_in": .whole(3), "messages_out": .whole(4),
            "backend": "app", "server": "127.0.0.1:8000",
        ]
        #expect(known == expected)
        let silent = try get("/sessions/00000000000000000000000000000001")
        #expect(silent["last_heard"] == .null && silent["octets_in"] == .null)
    }

    @Test func `a session that is not there is not found`() throws {
        for id in ["00000000000000000000000000000009", "x", "%ff"] {
            for method in ["GET", "DELETE"] {
                let status = try console.ask(method, "/sessions/\(id)").status
                #expect(status == (id == "%ff" ? 400 : 404), "\(method) \(id)")
            }
        }
    }

    @Test(
        arguments: [
            ("/sessions/00000000000000000000000000000001", 1),
            ("/stores/boards/17/devices/B/sessions", 1), ("/stores/boards/17/sessions", 2),
            ("/stores/boards/%EC%A0%91%EC%88%98/sessions", 1), ("/stores/boards/99/sessions", 0),
        ])
    func `sessions are ended one by one, by device and by store`(
        path: String, count: Int
    ) throws {
        try fill()
        let reply = try console.ask("DELETE", path + "?message=bye&reconnect=7")
        #expect(reply.text == #"{"ended":\#(count)}"#)
        #expect((backend.storeCounts.blocks["boards"]?.sessions ?? 0) == 4 - count)
        let kick = Kick(message: "bye", reconnect: .after(.seconds(7)))
        #expect(backend.kicks.withLock { $0 } == [kick])
    }

    @Test(arguments: ["/stores/other/17/sessions", "/stores/other/17/devices/B/sessions"])
    func `nobody is ended in a block that is not there`(path: String) throws {
        try fill()
        #expect(try console.ask("DELETE", path).status == 404)
        #expect(backend.kicks.withLock { $0 } == [])
    }

    @Test(
        arguments: [
            ("a/b", "a%2Fb"), (".", "."), ("..", "%2E%2E"), ("a\\b", "a%5Cb"), ("\u{1B}", "%1b"),
            ("\0", "%00"), ("a b+c", "a%20b+c"), ("é", "%C3%A9"),
        ])
    func `a store may be called anything`(store: String, path: String) throws {
        try backend.enter(1, store: store, device: "A")
        try backend.enter(2, store: "z", device: "B")
        #expect(try get("/stores/boards/" + path)["sessions"] == .whole(1))
        let next = try #require(try get("/stores?limit=1")["next"]?.string)
        #expect(try get("/stores?after=" + next)["stores"]?.array?.count == 1)
        let reply = try console.ask("DELETE", "/stores/boards/\(path)/sessions")
        #expect(reply.text == #"{"ended":1}"#)
    }

    @Test(
        arguments: [
            ("reconnect=yes", Reconnect.yes), ("reconnect=no", .no), ("", .no),
            ("reconnect=0", .after(.zero)),
        ])
    func `who is ended is told whether to come back`(query: String, wanted: Reconnect) throws {
        _ = try console.ask("DELETE", "/stores/boards/17/sessions?" + query)
        #expect(backend.kicks.withLock { $0 } == [Kick(reconnect: wanted)])
    }

    // MARK: Without a seat

    private static let token = LiveConnection.Token(
        rule: "app", user: "9", role: "admin", id: nil, issued: nil)

    /// Beside those of `fill`.
    private func fillUp() throws {
        try fill()
        backend.connect(5)
        backend.connect(6, .eventStream, route: "/feed", token: Self.token)
        backend.connect(7, .stream, route: "/v1", token: Self.token)
        // It is in the other table.
        backend.connect(4, isSeated: true)
    }

    private func ids(_ query: String) throws -> [String] {
        (try get("/sessions" + query)["sessions"]?.array ?? []).compactMap {
            ($0.object?["id"]?.string?.last).map { String($0) }
        }
    }

    @Test(
        arguments: [
            ("", "1234567"), ("?seated=true", "1234"), ("?seated=false", "567"),
            ("?transport=websocket", "12345"), ("?transport=event_stream", "6"),
            ("?transport=stream", "7"), ("?route=/feed", "6"), ("?route=%2Fws&store=17", "12"),
            ("?user=9", "67"), ("?role=admin", "1267"), ("?role=admin&seated=false", "67"),
            ("?block=boards", "1234"), ("?store=17&seated=false", ""), ("?device=A", "1"),
        ])
    func `all who are connected are listed by what they are`(
        query: String, wanted: String
    ) throws {
        try fillUp()
        #expect(try ids(query) == wanted.map { String($0) })
    }

    @Test func `pages are of both kinds`() throws {
        try fillUp()
        var seen: [String] = []
        var target = "?limit=2"
        while true {
            seen += try ids(target)
            guard let next = try get("/sessions" + target)["next"]?.string else { break }
            target = "?limit=2&after=" + next
        }
        #expect(seen.joined() == "1234567")
    }

    @Test func `one without a seat says so, and all that is known of it`() throws {
        try fillUp()
        let known = try get("/sessions/00000000000000000000000000000006")
        let expected: JSONObject = [
            "id": "00000000000000000000000000000006", "seated": false, "block": .null,
            "store": .null, "device": .null, "role": "admin", "user": "9",
            "address": "192.0.2.9", "user_agent": .null, "transport": "event_stream",
            "route": "/feed", "connected_since": "2026-11-21T01:43:26.000Z",
            "device_since": .null, "generation": .whole(2),
            "last_heard": "2026-11-21T02:00:00.000Z", "octets_in": .whole(1),
            "octets_out": .whole(2), "messages_in": .null, "messages_out": .null,
            "backend": "app", "server": "127.0.0.1:8000",
        ]
        #expect(known == expected)
        let nobody = try get("/sessions/00000000000000000000000000000005")
        #expect(nobody["user"] == .null && nobody["role"] == .null)
        #expect(nobody["octets_in"] == .null && nobody["backend"] == .null)
    }

    @Test func `one without a seat is ended by its id, once`() throws {
        try fillUp()
        let path = "/sessions/00000000000000000000000000000007?message=bye"
        #expect(try console.ask("DELETE", path).text == #"{"ended":1}"#)
        #expect(try console.ask("DELETE", path).status == 404)
        #expect(try ids("") == ["1", "2", "3", "4", "5", "6"])
        #expect(try console.ask("DELETE", "/stores/boards/17/sessions").text == #"{"ended":2}"#)
        #expect(try ids("") == ["3", "4", "5", "6"])
    }

    @Test func `all are counted, with a seat and without`() throws {
        try fillUp()
        let expected: JSONValue = [
            "connections": .whole(4), "seated": .whole(1), "websocket": .whole(2),
            "event_stream": .whole(1), "stream": .whole(1),
        ]
        #expect(try get("/counts")["live"] == expected)
    }

    @Test(arguments: ["?seated=yes", "?seated=", "?transport=download", "?route="])
    func `what is no filter is refused`(query: String) throws {
        #expect(try console.ask("GET", "/sessions" + query).status == 400)
    }

    // MARK: Stores

    @Test func `a store says how full it is, and what limits it`() throws {
        try fill()
        let store = try get("/stores/boards/17")
        #expect(store["sessions"] == .whole(2) && store["devices"] == .whole(2))
        #expect(
            store["limits"] == [
                [
                    "roles": ["admin"], "devices": .whole(2), "policy": "block_new",
                    "origin": "configuration", "expires": .null,
                ],
                [
                    "roles": ["kiosk"], "devices": .whole(1), "policy": "eject_old",
                    "origin": "configuration", "expires": .null,
                ],
            ])
        #expect(try get("/stores/boards/never")["sessions"] == .whole(0))
        #expect(try console.ask("GET", "/stores/other/17").status == 404)
        let page = try get("/stores?limit=2")
        let next = try #require(page["next"]?.string)
        let stores =
            (page["stores"]?.array ?? [])
            + (try get("/stores?after=" + next)["stores"]?.array ?? [])
        #expect(stores.compactMap { $0.object?["store"]?.string } == ["17", "18", "접수"])
    }

    @Test func `counts are those of the table`() throws {
        try fill()
        let counts = try get("/counts")
        #expect(counts["sessions"] == .whole(4) && counts["stores"] == .whole(3))
        #expect(counts["since_start"]?.object?["admitted"] == .whole(4))
        #expect(counts["kept"]?.object?["persistent"] == .bool(true))
    }

    // MARK: Policies

    private let path = "/stores/boards/17/policy"
    private let one = #"{"devices":1,"policy":"eject_old"}"#

    @Test func `a dry run says who would go, and changes nothing`() throws {
        try fill()
        let reply = try console.ask("PUT", path + "?dry_run=true&apply=now&role=admin", json: one)
        #expect(reply.status == 200)
        #expect(devices(try #require(reply.json?.object)) == ["A"])
        #expect((backend.storeCounts.blocks["boards"]?.sessions ?? 0) == 4)
        #expect(try console.ask("GET", path).status == 404)
    }

    @Test(arguments: [("new", [String](), 4), ("now", ["A"], 3)])
    func `a policy holds for newcomers, or at once`(
        apply: String, gone: [String], left: Int
    ) throws {
        try fill()
        let reply = try console.ask("PUT", path + "?role=admin&apply=" + apply, json: one)
        #expect(reply.status == 201)
        #expect(devices(try #require(reply.json?.object)) == gone)
        #expect((backend.storeCounts.blocks["boards"]?.sessions ?? 0) == left)
        let limits = try get("/stores/boards/17")["limits"]?.array
        #expect(limits?.first?.object?["origin"] == "console")
    }

    @Test func `of two who change the same version, one is too late`() throws {
        #expect(try console.ask("PUT", path, fields: ["If-Match: *"], json: one).status == 412)
        let new = ["If-None-Match: *"]
        let first = try console.ask("PUT", path, fields: new, json: one)
        let tag = try #require(first.field("ETag"))
        #expect(first.status == 201)
        #expect(try console.ask("PUT", path, fields: new, json: one).status == 412)
        #expect(try console.ask("GET", path).field("ETag") == tag)
        let match = ["If-Match: " + tag]
        #expect(try console.ask("PUT", path, fields: match, json: one).status == 200)
        for method in ["PUT", "DELETE"] {
            let json = method == "PUT" ? one : nil
            #expect(try console.ask(method, path, fields: match, json: json).status == 412)
        }
        #expect(try console.ask("DELETE", path, fields: ["If-Match: *"]).status == 204)
        #expect(try console.ask("DELETE", path).status == 404)
    }

    @Test(
        arguments: [
            ("{}", [], 400), (#"{"devices":0,"policy":"eject_old"}"#, [], 400),
            (#"{"devices":1,"policy":"none"}"#, [], 400),
            (#"{"devices":1,"policy":"eject_old","expires":"tomorrow"}"#, [], 400),
            (#"{"devices":1,"policy":"eject_old"}"#, ["If-None-Match: \"1\""], 400),
            (#"{"devices":1,"policy":"eject_old"}"#, ["If-Match: \"1\", \"2\""], 400),
            (
                #"{"devices":1,"policy":"eject_old"}"#, ["If-Match: *", "If-None-Match: *"], 400
            ),
            (#"{"devices":1,"policy":"eject_old"}"#, ["If-Match: \"01\""], 412),
            (#"{"devices":1,"policy":"eject_old"}"#, ["If-Match: W/\"1\""], 412),
        ])
    func `what is no policy is refused`(json: String, fields: [String], status: Int) throws {
        #expect(try console.ask("PUT", path, fields: fields, json: json).status == status)
        #expect(try console.ask("GET", path).status == 404)
    }

    @Test func `what cannot be kept is not acknowledged`() throws {
        backend.kept.withLock {
            $0.failure = Refusal(.overloaded, status: 507, message: "The disk is full")
        }
        #expect(try console.ask("PUT", path, json: one).status == 507)
        let alias = "/stores/boards/17/devices/A/alias"
        #expect(try console.ask("PUT", alias, json: #"{"name":"PC"}"#).status == 507)
    }

    // MARK: Devices and history

    @Test func `a device goes by its name wherever it is shown`() throws {
        try fill()
        let path = "/stores/boards/17/devices/A/alias"
        #expect(try console.ask("PUT", path, json: #"{"name":"사무실 PC"}"#).status == 200)
        let session = try get("/sessions?device=A")["sessions"]?.array?.first?.object
        #expect(session?["device"]?.object?["name"] == "사무실 PC")
        let listed = try get("/devices?store=17")["devices"]?.array ?? []
        #expect(listed.first?.object?["client_id"] == "A" && listed.count == 1)
        #expect(try get("/devices?store=18")["devices"] == [])
        #expect(try console.ask("DELETE", path).status == 204)
        #expect(try console.ask("DELETE", path).status == 404)
    }

    @Test func `devices with names come in pages`() throws {
        for name in ["c", "a", "b"] {
            _ = try console.ask(
                "PUT", "/stores/boards/17/devices/\(name)/alias", json: #"{"name":"x"}"#)
        }
        var names: [String] = []
        var target = "/devices?limit=1"
        for _ in 0..<4 {
            let page = try get(target)
            names += (page["devices"]?.array ?? []).compactMap {
                $0.object?["client_id"]?.string
            }
            guard let next = page["next"]?.string else { break }
            target = "/devices?limit=1&after=" + next
        }
        #expect(names == ["a", "b", "c"])
    }

    @Test func `the history says when, how long, and how it ended`() throws {
        let entry = HistoryEntry(
            session: "s", block: "boards", store: "17", device: "A",
            deviceSource: "query:client_id", address: "192.0.2.1", transport: "websocket",
            route: "/ws", began: WallTime(seconds: 100), ended: WallTime(seconds: 160),
            reason: "force_disconnect", rule: "eject_old",
            received: .init(octets: 5, messages: 1), sent: .init(octets: 7, messages: 2))
        backend.kept.withLock { $0.history = [entry, entry] }
        let page = try get("/history?block=boards&store=17&device=A&limit=1&after=1")
        let past = try #require(page["history"]?.array?.first?.object)
        #expect(past["duration_ms"] == .whole(60_000) && past["rule"] == "eject_old")
        #expect(past["octets_out"] == .whole(7) && past["messages_in"] == .whole(1))
        #expect(page["next"] == "10")
        let asked = HistoryQuery(
            .some(blocks: ["boards"], store: "17", device: "A"),
            after: HistoryCursor(number: 1), limit: 1)
        #expect(backend.queries.withLock { $0 } == [asked])
        #expect(try console.ask("GET", "/history?after=-").status == 400)
    }
}
