import Clock
import Settings
import Testing

@testable import Upstreams

@Suite struct StickyTests {
    private static let secret: [UInt8] = Array("a secret of the test".utf8)
    private let registry = UpstreamRegistry()

    private func cookieGroup(
        _ ports: [UInt16] = [8000, 8001, 8002], secret: [UInt8] = secret, name: String = "app",
        change: (inout BackendSettings) -> Void = { _ in }
    ) throws -> BackendGroup {
        var settings = BackendSettings(name: name, servers: ports.map { server($0) })
        settings.choice.sticky = .cookie(name: "gw_server", secret: nil)
        change(&settings)
        return BackendGroup(
            settings, registry: registry, seal: try StickySeal(secret: secret.span))
    }

    private func wish(cookie: String?) -> ServerWish {
        var wish = ServerWish()
        wish.cookie = cookie
        return wish
    }

    private func wish(key: UInt64) -> ServerWish {
        var wish = ServerWish()
        wish.stickyKey = key
        return wish
    }

    /// The value of the cookie that a client is given of the server.
    private func value(_ group: BackendGroup, _ index: Int) -> String {
        let cookie = group.cookie(
            for: group.servers[index].state, ServerWish(), isSecure: false)
        return String((cookie ?? "").dropFirst("gw_server=".count).prefix { $0 != ";" })
    }

    // MARK: Cookies

    @Test func `whoever brings the cookie comes to its server`() throws {
        let group = try cookieGroup()
        for index in [2, 0, 1, 1] {
            let wish = wish(cookie: value(group, index))
            for _ in 0..<5 { #expect(group.place(wish) == index) }
            #expect(
                group.cookie(for: group.servers[index].state, wish, isSecure: true) == nil,
                "it knows")
        }
    }

    @Test func `a server that is drained or down keeps nobody, and has them again afterwards`()
        throws
    {
        let group = try cookieGroup([8000, 8001])
        let state = group.servers[0].state
        let wish = wish(cookie: value(group, 0))
        state.order.drain(at: .zero, keepingLive: true)
        for _ in 0..<4 { #expect(group.place(wish) == 1) }
        #expect(group.place(wish, tried: [1]) == nil, "not as a last resort either")
        #expect(state.order.withdraw())
        #expect(group.place(wish) == 0)
        state.health.checked(isUp: false, .closed, at: .zero)
        for _ in 0..<4 { #expect(group.place(wish) == 1) }
    }

    @Test func `the cookie is one of the gateway's own, for the whole site and for no script`()
        throws
    {
        let group = try cookieGroup()
        let state = group.servers[0].state
        let value = value(group, 0)
        #expect(value.count == 20)
        let attributes = "Path=/; HttpOnly; SameSite=Lax"
        #expect(
            group.cookie(for: state, ServerWish(), isSecure: false)
                == "gw_server=\(value); \(attributes)")
        #expect(
            group.cookie(for: state, wish(cookie: "x"), isSecure: true)
                == "gw_server=\(value); \(attributes); Secure")
    }

    @Test func `what it says depends on the key, the group and the server alone`() throws {
        let values = try [
            cookieGroup(), cookieGroup(secret: Array("another secret text".utf8)),
            cookieGroup(name: "other"),
        ].flatMap { group in (0..<3).map { value(group, $0) } }
        #expect(Set(values).count == 9)
        let turned = try cookieGroup([8002, 8001, 8000])
        #expect(value(turned, 0) == values[2])
    }

    @Test(arguments: ["", "x", "127.0.0.1:8000", "AAAAAAAAAAAAAAAAAAAA"])
    func `a cookie that nobody was given says nothing`(cookie: String) throws {
        let group = try cookieGroup()
        let places = (0..<6).map { _ in group.place(wish(cookie: cookie)) }
        #expect(places == [0, 1, 2, 0, 1, 2])
        let told = group.cookie(
            for: group.servers[0].state, wish(cookie: cookie), isSecure: false)
        #expect(told != nil)
    }

    @Test func `a server that is away is left, and another one told to the client`() throws {
        let group = try cookieGroup([8000, 8001])
        let wish = wish(cookie: value(group, 0))
        group.reportFailure(0, now: .zero)
        #expect(group.place(wish) == 1)
        #expect(group.cookie(for: group.servers[1].state, wish, isSecure: false) != nil)
        group.reportSuccess(0, now: .zero)
        #expect(group.place(wish, tried: [0]) == 1)
        #expect(group.place(wish) == 0)
    }

    @Test func `weight 0 is for those who stick, down for nobody`() throws {
        let idle = try cookieGroup { $0.servers[0].weight = 0 }
        #expect(idle.place(wish(cookie: value(idle, 0))) == 0)
        let down = try cookieGroup { $0.servers[0].isDown = true }
        #expect(down.place(wish(cookie: value(down, 0))) != 0)
    }

    @Test func `one that has all it may hold is left, too`() throws {
        let group = try cookieGroup([8000, 8001]) { $0.servers[0].connectionLimit = 1 }
        let wish = wish(cookie: value(group, 0))
        group.place(wish) { index in
            #expect(index == 0)
            #expect(group.place(wish) == 1)
        }
    }

    // MARK: Keys

    private func keyGroup(_ memory: Duration = .seconds(60)) -> BackendGroup {
        group(of: [server(8000), server(8001), server(8002)], registry: registry) {
            $0.choice.sticky = .key(.user, memory: memory)
        }
    }

    @Test func `a key comes to the server that it had, also after a reload`() {
        let first = keyGroup()
        let places = (0..<9).map { first.place(wish(key: $0)) }
        #expect(places == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        let next = keyGroup()
        for key in (0..<9).reversed() { #expect(next.place(wish(key: UInt64(key))) == key % 3) }
    }

    @Test func `of a server that is away the key goes to another, and stays there`() {
        let group = keyGroup()
        #expect(group.place(wish(key: 5)) == 0)
        group.reportFailure(0, now: .zero)
        let other = group.place(wish(key: 5))
        #expect(other != 0)
        group.reportSuccess(0, now: .zero)
        for _ in 0..<4 { #expect(group.place(wish(key: 5)) == other) }
    }

    /// The key has a server, for a minute from the last time.
    private func remembers(_ table: inout StickyTable, _ key: UInt64, at now: Instant) -> Bool {
        table.server(for: key, memory: .seconds(60), at: now) != nil
    }

    @Test func `who does not come for long is forgotten, who comes is not`() {
        var table = StickyTable()
        let state = keyGroup().servers[0].state
        let memory = Duration.seconds(60)
        table.stick(1, to: state, memory: memory, at: .seconds(1000))
        table.stick(2, to: state, memory: memory, at: .seconds(1000))
        for second in stride(from: 1000, through: 2000, by: 30) {
            #expect(remembers(&table, 1, at: .seconds(second)) == true)
        }
        #expect(remembers(&table, 2, at: .seconds(2000)) == false)
        #expect(remembers(&table, 1, at: .seconds(2059)) == true)
        #expect(remembers(&table, 1, at: .seconds(2200)) == false)
        #expect(table.count == 0)
    }

    @Test func `there are never more than two halves of them, and the newest are there`() {
        var table = StickyTable()
        let state = keyGroup().servers[0].state
        let count = UInt64(3 * StickyTable.halfSize)
        for key in 0..<count {
            table.stick(key, to: state, memory: .seconds(60), at: .seconds(5))
            if key % 9999 == 0 { #expect(table.count <= 2 * StickyTable.halfSize) }
        }
        #expect(remembers(&table, count - 1, at: .seconds(5)) == true)
        #expect(remembers(&table, 0, at: .seconds(5)) == false)
    }
}
