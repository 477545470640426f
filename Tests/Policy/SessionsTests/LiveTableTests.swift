import Clock
import Sessions
import Testing

private func token(
    _ user: String? = "7", rule: String = "app", id: String? = nil, issued: Int64? = nil
) -> LiveConnection.Token {
    LiveConnection.Token(
        rule: rule, user: user, id: id, issued: issued.map { WallTime(seconds: $0) })
}

private func connection(_ number: UInt64, _ token: LiveConnection.Token = token()) -> LiveConnection
{
    .test(number, token: token)
}

@Suite("Connections that live")
struct LiveTableTests {
    @Test("a connection is found by its id while its lease lives")
    func leases() {
        let table = LiveTable()
        let (one, other) = (connection(1), connection(2))
        var lease: LiveLease? = table.register(one)
        let second = table.register(other)
        #expect(lease?.id == one.id)
        #expect(table.find(one.id) === one && table.find(other.id) === other)
        #expect(table.find(connection(3).id) == nil && table.count == 2)
        lease = nil
        #expect(table.find(one.id) == nil && table.count == 1)
        second.end()
        second.end()
        #expect(table.count == 0)
    }

    @Test("a lease that ended twice takes nobody else's place away")
    func twice() {
        let table = LiveTable()
        var first: LiveLease? = table.register(connection(1))
        first?.end()
        let second = table.register(connection(1))
        first = nil
        #expect(table.find(second.id) != nil)
    }

    @Test("all that are meant are found, over all shards")
    func finding() {
        let table = LiveTable()
        let leases = (0..<500).map { number in
            table.register(connection(number, token("\(number % 5)", id: "t\(number)")))
        }
        #expect(leases.count == table.count)
        let third = table.all { $0.token?.user == "3" }
        let known = table.all { $0.token?.id == "t77" }
        #expect(third.count == 100 && known.map(\.connection.connection) == [77])
        #expect(table.all { _ in false }.isEmpty)
        #expect(Set(table.all { _ in true }.map(\.id)) == Set(leases.map(\.id)))
    }

    @Test("after a refresh the new token counts, and none that came too late")
    func refresh() {
        let table = LiveTable()
        let lease = table.register(connection(1, token(id: "old", issued: 1)))
        lease.renew(token(id: "new", issued: 2))
        #expect(table.find(lease.id)?.token == token(id: "new", issued: 2))
        let old = table.all { $0.token?.id == "old" }
        #expect(old.isEmpty)
        lease.end()
        lease.renew(token(id: "newer", issued: 3))
        #expect(table.count == 0)
    }

    @Test("whoever looks may look again, and end what was found")
    func reentrance() {
        let table = LiveTable()
        let lease = table.register(connection(1))
        let found = table.all { connection in
            let again = table.find(connection.id) != nil
            lease.end()
            return again
        }
        #expect(found.count == 1 && table.count == 0)
    }

    @Test("nothing is lost or left behind when many come and go at once")
    func race() async {
        let table = LiveTable()
        await withTaskGroup(of: Void.self) { group in
            for task: UInt64 in 0..<8 {
                group.addTask {
                    var leases: [LiveLease] = []
                    for number in task * 1000..<task * 1000 + 300 {
                        leases.append(table.register(connection(number)))
                        leases.last?.renew(token("8"))
                        if number % 3 == 0 { leases.removeFirst() }
                        _ = table.all { $0.connection.worker == task }
                    }
                    #expect(leases.allSatisfy { table.find($0.id)?.token?.user == "8" })
                }
            }
        }
        #expect(table.count == 0)
    }

    @Test("ids are read as they are written, and in no other form")
    func ids() throws {
        for id in [
            SessionID(high: 0, low: 0), SessionID(high: .max, low: .max),
            SessionID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210),
        ] {
            #expect(SessionID(id.description) == id)
        }
        let good = "0123456789abcdeffedcba9876543210"
        #expect(SessionID(good) != nil)
        for bad in [
            "", String(good.dropLast()), good + "0", good.uppercased(), " " + good.dropFirst(),
            good.replacing("0", with: "g"), good.replacing("a", with: "\u{FF41}"),
            "-" + good.dropFirst(), "+" + good.dropFirst(), String(repeating: "0x", count: 16),
        ] {
            #expect(SessionID(bad) == nil, "\(bad)")
        }
    }
}
