import Clock
import Endings
import Sessions
import Settings
import Testing

@Suite struct StoreSessionsTests {
    private let one = SessionSettings.Limit(devices: 1, policy: .blockNew)

    @Test func `unlimited roles are recorded but neither count nor are refused`() throws {
        var store = StoreSessions()
        for number in 1...5 {
            let board = arrival(
                number, device: try .named("board-\(number)"), role: "board", isLimited: false)
            let admission = store.arrived(board, limit: one, at: .zero)
            #expect(admission == .admitted(endings: []))
        }
        #expect(store.count == 5)
        #expect(store.limitedDeviceCount == 0)
        let admin = arrival(6, device: try .named("admin"))
        let counted = store.arrived(admin, limit: one, at: .zero)
        #expect(counted == .admitted(endings: []))
        let late = arrival(7, device: try .named("late"), role: "board", isLimited: false)
        let uncounted = store.arrived(late, limit: one, at: .zero)
        #expect(uncounted == .admitted(endings: []))
    }

    @Test func `eject_old never ends an unlimited role`() throws {
        let limit = SessionSettings.Limit(devices: 1, policy: .ejectOld)
        var store = StoreSessions()
        let board = arrival(1, device: try .named("board"), role: "board", isLimited: false)
        _ = store.arrived(board, limit: limit, at: .seconds(0))
        _ = store.arrived(arrival(2, device: try .named("A")), limit: limit, at: .seconds(1))
        let admission = store.arrived(
            arrival(3, device: try .named("B")), limit: limit, at: .seconds(2))
        #expect(admission == .admitted(endings: [ending(2, .ejectOld, limit)]))
        #expect(store.count == 2)
    }

    @Test func `an unlimited role of the same device and name is replaced by its refresh`() throws {
        var store = StoreSessions()
        let device = try DeviceKey.named("A")
        _ = store.arrived(
            arrival(1, device: device, role: "board", isLimited: false), limit: one, at: .zero)
        let again = store.arrived(
            arrival(2, device: device, role: "board", isLimited: false), limit: one, at: .zero)
        #expect(again == .admitted(endings: [ending(1, .replaced, nil)]))
        #expect(store.count == 1)
    }

    @Test(arguments: [("board", false, "reception", false), ("admin", true, "board", false)])
    func `one device may hold these two roles at once`(
        first: String, firstCounts: Bool, second: String, secondCounts: Bool
    ) throws {
        var store = StoreSessions()
        let device = try DeviceKey.named("A")
        _ = store.arrived(
            arrival(1, device: device, role: first, isLimited: firstCounts), limit: one, at: .zero)
        let admission = store.arrived(
            arrival(2, device: device, role: second, isLimited: secondCounts), limit: one,
            at: .zero)
        #expect(admission == .admitted(endings: []))
        #expect(store.count == 2)
    }

    @Test func `limited roles share one place of their device`() throws {
        var store = StoreSessions()
        let device = try DeviceKey.named("A")
        _ = store.arrived(arrival(1, device: device, role: "admin"), limit: one, at: .zero)
        let admission = store.arrived(
            arrival(2, device: device, role: "manager"), limit: one, at: .zero)
        #expect(admission == .admitted(endings: [ending(1, .replaced, nil)]))
        #expect(store.limitedDeviceCount == 1)
    }

    @Test func `a lowered limit is met by the next newcomer, eldest first`() throws {
        var store = StoreSessions()
        let wide = SessionSettings.Limit(devices: 4, policy: .ejectOld)
        let narrow = SessionSettings.Limit(devices: 2, policy: .ejectOld)
        for number in 1...4 {
            _ = store.arrived(
                arrival(number, device: try .named("\(number)")), limit: wide,
                at: .seconds(number))
        }
        let refresh = store.arrived(
            arrival(5, device: try .named("1")), limit: narrow, at: .seconds(5))
        #expect(refresh == .admitted(endings: [ending(1, .replaced, nil)]))
        let newcomer = store.arrived(
            arrival(6, device: try .named("new")), limit: narrow, at: .seconds(6))
        #expect(
            newcomer
                == .admitted(endings: [5, 2, 3].map { ending($0, .ejectOld, narrow) }))
        #expect(store.limitedDeviceCount == 2)
    }

    @Test func `a lowered limit under block_new ends nobody and lets nobody in`() throws {
        var store = StoreSessions()
        let wide = SessionSettings.Limit(devices: 3, policy: .blockNew)
        for number in 1...3 {
            _ = store.arrived(
                arrival(number, device: try .named("\(number)")), limit: wide, at: .zero)
        }
        store.ended(SessionID(1))
        let newcomer = store.arrived(arrival(4, device: try .named("4")), limit: one, at: .zero)
        #expect(newcomer == .refused(limit: one))
        #expect(store.count == 2)
    }

    @Test func `an end is taken once, and the end of a replaced session frees nothing`() throws {
        var store = StoreSessions()
        let device = try DeviceKey.named("A")
        _ = store.arrived(arrival(1, device: device), limit: one, at: .zero)
        _ = store.arrived(arrival(2, device: device), limit: one, at: .zero)
        let replaced = store.ended(SessionID(1))
        #expect(!replaced)
        #expect(store.limitedDeviceCount == 1)
        let first = store.ended(SessionID(2))
        let second = store.ended(SessionID(2))
        #expect(first && !second)
        #expect(store.limitedDeviceCount == 0)
        #expect(store.isEmpty)
    }

    @Test func `a record says since when the session and its device are there`() throws {
        var store = StoreSessions()
        let device = try DeviceKey.named("A")
        _ = store.arrived(arrival(1, device: device), limit: one, at: .seconds(10))
        _ = store.arrived(arrival(2, device: device), limit: one, at: .seconds(20))
        let record = try #require(store.records.first)
        #expect(record.id == SessionID(2))
        #expect(record.connectedSince == .seconds(20))
        #expect(record.deviceSince == .seconds(10))
    }

    @Test(arguments: DisconnectCause.allCases)
    func `every cause has its row in the table of endings`(cause: DisconnectCause) {
        let expected: [DisconnectCause: EndReason] = [
            .ejectOld: .forceDisconnect, .kicked: .forceDisconnect, .replaced: .replaced,
            .tokenExpired: .unauthenticated, .tokenRevoked: .unauthenticated,
            .forbidden: .forbidden, .draining: .draining,
        ]
        #expect(cause.reason == expected[cause])
    }

    private func ending(
        _ number: Int, _ cause: DisconnectCause, _ limit: SessionSettings.Limit?
    ) -> Ending {
        Ending(
            session: SessionID(number),
            connection: ConnectionAddress(worker: 0, connection: UInt64(number)), cause: cause,
            limit: limit)
    }
}
