import Clock
import Sessions
import Settings
import Testing

/// What operators see of the table, and do to it.
@Suite struct SessionListTests {
    private let wide = SessionRules(
        .limiting(.of("admin", "manager", max: 9, .blockNew)), generation: 3)

    private func page(
        _ desk: FrontDesk, after cursor: SessionID?, most: Int,
        _ filter: SessionFilter = SessionFilter()
    ) -> (ids: [UInt64], next: SessionID?) {
        let request = StoreQuestion.list(filter, after: cursor, most: most)
        guard case .page(let entries, let next) = desk.table.ask(request, now: .zero) else {
            return ([], nil)
        }
        return (entries.map(\.id.low), next)
    }

    @Test func `a filter lists what it means`() throws {
        let desk = FrontDesk()
        let arrivals = [
            arrival(1, device: try .named("A"), rules: wide, user: "7"),
            arrival(
                2, device: try .named("B"), role: "manager", rules: wide, transport: .webSocket),
            arrival(3, device: try .named("A"), rules: wide, store: "18"),
        ]
        let held = arrivals.map { desk.table.admit($0, now: .zero) }
        let table: [(SessionFilter, [UInt64])] = [
            (SessionFilter(), [1, 2, 3]),
            (SessionFilter(id: SessionID(2)), [2]),
            (SessionFilter(block: "dashboards", store: "17"), [1, 2]),
            (SessionFilter(store: "18"), [3]),
            (SessionFilter(block: "none"), []),
            (SessionFilter(role: "manager"), [2]),
            (SessionFilter(user: "7"), [1]),
            (SessionFilter(clientID: try ClientID("A")), [1, 3]),
            (SessionFilter(store: "17", clientID: try ClientID("A")), [1]),
            (SessionFilter(transport: .webSocket), [2]),
        ]
        for (filter, expected) in table { #expect(desk.ids(filter) == expected, "\(filter)") }
        #expect(held.count == 3)
    }

    @Test func `pages go on where the last one ended, whatever came and went meanwhile`() throws {
        let desk = FrontDesk()
        var held: [Int: SeatQuestion.Outcome] = [:]
        for number in stride(from: 2, through: 60, by: 2) {
            held[number] = desk.table.admit(
                arrival(number, device: try .named("\(number)"), rules: wide, store: "\(number)"),
                now: .zero)
        }
        var seen: [UInt64] = []
        var cursor: SessionID?
        for step in 0..<100 {
            let (ids, next) = page(desk, after: cursor, most: 7)
            seen += ids
            guard let next else { break }
            cursor = next
            // One that was listed leaves, one comes on either side of the cursor.
            held[Int(ids[0])] = nil
            for number in [Int(next.low) - 1, 61 + step] {
                held[number] = desk.table.admit(
                    arrival(
                        number, device: try .named("\(number)"), rules: wide, store: "\(number)"),
                    now: .zero)
            }
        }
        #expect(seen.filter { $0 <= 60 } == Array(stride(from: 2, through: 60, by: 2)))
        #expect(Set(seen).count == seen.count)
        #expect(seen == seen.sorted())
    }

    @Test func `a page is never longer than the longest`() throws {
        let desk = FrontDesk()
        let free = SessionRules(.limiting(.of("admin", max: 1, .blockNew)), generation: 1)
        var held: [SeatQuestion.Outcome] = []
        for number in 1...StoreQuestion.longestPage * 5 {
            held.append(
                desk.table.admit(
                    arrival(
                        number, device: try .named("\(number)"), role: "board", rules: free,
                        store: "\(number % 50)"), now: .zero))
        }
        let (ids, next) = page(desk, after: nil, most: .max)
        #expect(ids == (1...UInt64(StoreQuestion.longestPage)).map { $0 })
        #expect(next?.low == UInt64(StoreQuestion.longestPage))
        #expect(page(desk, after: next, most: 0).ids.count == 1)
        #expect(held.count == desk.table.count)
    }

    @Test func `stores are listed with what is in them`() throws {
        let desk = FrontDesk()
        let rules = SessionRules(
            .limiting(.of(max: 2, .blockNew), grace: .seconds(5), probe: .seconds(2)),
            generation: 1)
        var held: [SeatQuestion.Outcome] = []
        for (number, store) in [(1, "a"), (2, "a"), (3, "b")] {
            held.append(
                desk.table.admit(
                    arrival(number, device: try .named("\(number)"), rules: rules, store: store),
                    now: .zero))
        }
        held.append(
            desk.table.admit(
                arrival(4, device: try .named("4"), rules: rules, store: "a"), now: .seconds(60)))
        if case .seated(let lease, _) = held[2] { lease.end(.abnormal, now: .seconds(60)) }
        let limit = RuntimeLimit(limit: .init(devices: 9, policy: .ejectOld))
        let closed = StoreKey(block: "dashboards", store: "c")
        _ = desk.table.ask(.setLimit(closed, limit, endsExcess: false), now: .seconds(60))

        func stores(after cursor: StoreKey?) -> (lines: [String], next: StoreKey?) {
            let request = StoreQuestion.stores(SessionFilter(), after: cursor, most: 2)
            guard case .stores(let stores, let next) = desk.table.ask(request, now: .zero)
            else { return ([], nil) }
            return (
                stores.map {
                    "\($0.key.store): \($0.sessions) \($0.devices) \($0.graces) \($0.waiting)"
                        + " \($0.limits.map(\.limit.devices))"
                }, next
            )
        }
        let first = stores(after: nil)
        #expect(first.lines == ["a: 2 2 0 1 []", "b: 0 1 1 0 []"])
        #expect(stores(after: first.next).lines == ["c: 0 0 0 0 [9]"])
        _ = desk.table.ask(.clearLimit(closed, role: nil), now: .seconds(60))
        #expect(desk.table.storeCount == 2)
    }

    @Test func `a limit is tried, then set, and ends those it said`() throws {
        let desk = FrontDesk()
        let held = try (1...4).map { number in
            desk.table.admit(
                arrival(number, device: try .named("\(number)"), rules: wide), now: .zero)
        }
        let store = StoreKey(block: "dashboards", store: "17")
        let limit = RuntimeLimit(limit: .init(devices: 1, policy: .blockNew))
        func ended(_ request: StoreQuestion) -> [UInt64] {
            guard case .ended(let records) = desk.table.ask(request, now: .zero) else {
                return []
            }
            return records.map(\.id.low)
        }
        #expect(ended(.tryLimit(store, limit)) == [1, 2, 3])
        #expect(desk.ids() == [1, 2, 3, 4])
        #expect(ended(.tryLimit(StoreKey(block: "dashboards", store: "none"), limit)) == [])
        #expect(ended(.setLimit(store, limit, endsExcess: true)) == [1, 2, 3])
        #expect(desk.messages == ["end 1 kicked", "end 2 kicked", "end 3 kicked"])
        #expect(desk.reports == ["1 limited", "2 limited", "3 limited"])
        #expect(desk.ids() == [4])
        #expect(held.count == 4)
    }

    @Test func `a kick reaches every store that the filter means`() throws {
        let desk = FrontDesk()
        let held = try (1...6).map { number in
            desk.table.admit(
                arrival(
                    number, device: try .named(number % 2 == 0 ? "A" : "B\(number)"), rules: wide,
                    store: "\(number)"), now: .zero)
        }
        func kicked(_ filter: SessionFilter) -> [UInt64] {
            guard case .ended(let records) = desk.table.ask(.kick(filter, Kick()), now: .zero)
            else { return [] }
            return records.map(\.id.low).sorted()
        }
        #expect(kicked(SessionFilter(clientID: try ClientID("A"))) == [2, 4, 6])
        #expect(kicked(SessionFilter(id: SessionID(3))) == [3])
        #expect(kicked(SessionFilter(store: "5")) == [5])
        #expect(kicked(SessionFilter(store: "5")) == [])
        #expect(desk.ids() == [1])
        #expect(desk.table.storeCount == 1)
        #expect(desk.table.tallies.kicked == 5)
        #expect(held.count == 6)
    }

    @Test func `a record says what is known of the session`() throws {
        let desk = FrontDesk()
        let held = desk.table.admit(
            arrival(1, device: try .named("A"), rules: wide, user: "7"), now: .seconds(4))
        let request = StoreQuestion.list(SessionFilter(), after: nil, most: 1)
        guard case .page(let entries, nil) = desk.table.ask(request, now: .zero) else {
            Issue.record("no page")
            return
        }
        let record = try #require(entries.first)
        let known = record.arrival
        #expect(record.deviceName == "A")
        #expect(known.device.origin == .given(.query("client_id")))
        #expect(known.store == StoreKey(block: "dashboards", store: "17"))
        #expect(known.role == "admin" && known.user == "7")
        #expect(known.address == "192.168.0.100" && known.userAgent == "test")
        #expect(known.transport == .eventStream && known.route == "/api/sse/stream")
        #expect(known.rules.generation == 3)
        #expect(record.connectedSince == .seconds(4))
        if case .seated(let lease, _) = held { #expect(lease.id == record.id) }
    }

    @Test func `what happened is counted`() throws {
        let desk = FrontDesk()
        let rules = SessionRules.plain(1, .blockNew)
        var held: [SeatQuestion.Outcome] = []
        for (device, isReportOnly) in [("A", false), ("A", false), ("B", false), ("C", true)] {
            held.append(
                desk.table.admit(
                    arrival(
                        held.count + 1, device: try .named(device), rules: rules,
                        isReportOnly: isReportOnly), now: .zero))
        }
        var expected = SessionTallies()
        expected.admitted = 3
        expected.replaced = 1
        expected.refused = 1
        expected.wouldRefuse = 1
        #expect(desk.table.tallies == expected)
    }
}
