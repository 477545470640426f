import Clock
import Sessions
import Settings
import Testing

extension LiveConnection {
    static func test(
        _ number: UInt64, _ transport: LiveTransport = .webSocket, isSeated: Bool = false,
        route: String = "/ws", token: Token? = nil
    ) -> LiveConnection {
        LiveConnection(
            id: SessionID(high: number, low: number &* 0x9E37_79B9_7F4A_7C15),
            connection: ConnectionAddress(worker: number % 4, connection: number),
            facts: Facts(
                transport: transport, isSeated: isSeated, route: route, generation: 1,
                address: "192.0.2.1", since: .zero),
            token: token)
    }
}

/// What operators see of connections without a seat, and do to them.
@Suite struct SeatlessTests {
    private let table = LiveTable()

    private func enter(_ connections: LiveConnection...) -> [LiveLease] {
        connections.map(table.register)
    }

    private func listed(_ filter: SessionFilter = SessionFilter()) -> [UInt64] {
        table.list(filter, after: nil, most: 1000).connections.map(\.connection.connection)
    }

    private static let token = LiveConnection.Token(
        rule: "app", user: "7", role: "admin", id: "t", issued: nil)

    @Test func `a filter lists what it means, and nobody with a seat`() throws {
        let leases = enter(
            .test(1), .test(2, .eventStream, route: "/events", token: Self.token),
            .test(3, .stream, route: "/v1", token: Self.token),
            .test(4, isSeated: true, token: Self.token))
        let table: [(SessionFilter, [UInt64])] = [
            (SessionFilter(), [1, 2, 3]),
            (SessionFilter(id: leases[1].id), [2]), (SessionFilter(id: leases[3].id), []),
            (SessionFilter(id: SessionID(9)), []),
            (SessionFilter(role: "admin"), [2, 3]), (SessionFilter(role: "board"), []),
            (SessionFilter(user: "7"), [2, 3]), (SessionFilter(user: "8"), []),
            (SessionFilter(transport: .webSocket), [1]), (SessionFilter(transport: .stream), [3]),
            (SessionFilter(route: "/events"), [2]), (SessionFilter(route: "/event"), []),
            (SessionFilter(isSeated: false), [1, 2, 3]), (SessionFilter(isSeated: true), []),
            // Of whom has a seat only.
            (SessionFilter(block: "boards"), []), (SessionFilter(store: ""), []),
            (SessionFilter(clientID: try ClientID("A")), []), (SessionFilter(device: "A"), []),
        ]
        for (filter, expected) in table { #expect(listed(filter) == expected, "\(filter)") }
    }

    @Test func `pages go on where the last one ended, whatever came and went meanwhile`() {
        var held = Dictionary(
            uniqueKeysWithValues: stride(from: UInt64(2), through: 200, by: 2).map {
                ($0, table.register(.test($0)))
            })
        var seen: [UInt64] = []
        var cursor: SessionID?
        for step in 0..<100 {
            let page = table.list(SessionFilter(), after: cursor, most: 7)
            seen += page.connections.map(\.connection.connection)
            guard let next = page.next else { break }
            cursor = next
            held[page.connections[0].connection.connection] = nil
            for number in [next.high - 1, 1001 + 2 * UInt64(step)] {
                held[number] = table.register(.test(number))
            }
        }
        #expect(seen.filter { $0 <= 200 } == Array(stride(from: 2, through: 200, by: 2)))
        #expect(seen == seen.sorted() && Set(seen).count == seen.count)
        held.removeAll()
        #expect(table.count == 0)
    }

    @Test func `a page is never longer than the longest, nor empty`() {
        let leases = (1...UInt64(StoreQuestion.longestPage) * 5).map { table.register(.test($0)) }
        let page = table.list(SessionFilter(), after: nil, most: .max)
        #expect(page.connections.map(\.id.high) == Array(1...UInt64(StoreQuestion.longestPage)))
        let last = page.connections.last
        #expect(page.next == last?.id)
        let shortest = table.list(SessionFilter(), after: nil, most: 0).connections
        #expect(shortest.count == 1)
        #expect(leases.count == table.count)
    }

    @Test func `who is kicked is told so once, and is gone at once`() {
        let leases = enter(.test(1), .test(2, token: Self.token), .test(3, isSeated: true))
        let kick = Kick(message: "bye", reconnect: .after(.seconds(7)))
        #expect(table.kick(SessionFilter(id: leases[2].id), kick).isEmpty)
        let endings = table.kick(SessionFilter(id: leases[1].id), kick)
        #expect(endings.map(\.connection.connection) == [2])
        #expect(endings.first?.session == leases[1].id)
        #expect(endings.first?.cause == .kicked && endings.first?.message == "bye")
        #expect(endings.first?.reconnect == .after(.seconds(7)))
        #expect(table.kick(SessionFilter(id: leases[1].id), kick).isEmpty)
        #expect(listed() == [1] && table.count == 2 && table.kicked == 1)
        // Its connection is over, too: nothing is counted twice.
        leases[1].renew(Self.token)
        leases[1].end()
        #expect(table.count == 2 && table.find(leases[1].id) == nil)
    }

    @Test func `what lives is counted by what it is`() {
        let leases = enter(
            .test(1), .test(2), .test(3, .eventStream), .test(4, .stream),
            .test(5, isSeated: true), .test(6, .eventStream, isSeated: true))
        let counts = table.counts
        #expect(LiveCounts.Kind.all.map { counts[$0] } == [1, 1, 2, 1, 1])
        #expect(counts.total == 6 && counts.seated == 2)
        #expect(LiveTransport.allCases.map(counts.of) == [3, 2, 1])
        for lease in leases { lease.end() }
        #expect(table.counts.total == 0 && table.counts.seated == 0)
    }

    @Test func `a download outlives its token, and a revocation does not mean it`() {
        let tokens = LiveTransport.allCases.map { transport in
            LiveConnection.test(1, transport, token: Self.token).livesOn
        }
        #expect(tokens == [Self.token, Self.token, nil])
        #expect(LiveConnection.test(1).livesOn == nil)
    }

    // MARK: With those who have a seat

    @Test func `one page of two tables goes on behind what both have shown`() throws {
        let desk = FrontDesk()
        let rules = SessionRules.plain(9, .blockNew)
        let held = try stride(from: 1, through: 39, by: 2).map { number in
            desk.table.admit(
                arrival(number, device: try .named("\(number)"), rules: rules), now: .zero)
        }
        let leases = stride(from: UInt64(2), through: 90, by: 2).map { number in
            table.register(
                LiveConnection(
                    id: SessionID(Int(number)),
                    connection: ConnectionAddress(worker: 0, connection: number),
                    facts: LiveConnection.test(number).facts, token: nil))
        }
        let counted = desk.ids()
        for most in [1, 3, 7, 64, 65, 1000] {
            var seen: [UInt64] = []
            var cursor: SessionID?
            repeat {
                let request = StoreQuestion.list(SessionFilter(), after: cursor, most: most)
                guard case .page(let records, let next) = desk.table.ask(request, now: .zero)
                else { return }
                let list = SessionList(
                    (records, next), table.list(SessionFilter(), after: cursor, most: most),
                    most: most)
                #expect(list.sessions.count <= most)
                seen += list.sessions.map(\.id.low)
                cursor = list.next
            } while cursor != nil
            #expect(seen == (counted + leases.map(\.id.low)).sorted(), "\(most)")
        }
        #expect(held.count == 20)
    }
}
