import Clock
import Identity
import Peers
import Records
import Testing
import Transport

@testable import State

/// Where a store is kept makes no difference to what it does.
enum Kind: CaseIterable {
    case memory, file

    /// - Parameter folder: held by the caller for as long as the desk.
    func desk(_ folder: TemporaryFolder, history: HistoryLimits? = nil) throws -> Desk {
        switch self {
        case .memory: try Desk(.init(place: .memory, history: history))
        case .file: try Desk(folder: folder.path("state"), history: history)
        }
    }
}

@Suite(.serialized) struct StorePolicyTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: Kind.allCases) func `a policy is kept as it was set`(kind: Kind) throws {
        let desk = try kind.desk(folder)
        let wanted = change(
            "강남점", group: "staff", devices: 5, policy: "eject_old",
            expires: WallTime(seconds: 1_900_000_000, nanoseconds: 1), by: "이", note: "one\ntwo")
        let set = try desk.set(wanted).get()
        #expect(set.change == wanted)
        #expect(set.changed == Desk.now)
        #expect(try desk.policies() == [set])
        #expect(try desk.get { $0.policy(wanted.key, now: Desk.now, $1) } == set)
        let other = StorePolicyKey(block: "boards", store: "강남점")
        #expect(try desk.get { $0.policy(other, now: Desk.now, $1) } == nil)
    }

    @Test(arguments: Kind.allCases)
    func `a version is never used again`(kind: Kind) throws {
        let desk = try kind.desk(folder)
        var versions: [Int64] = []
        for _ in 1...3 {
            versions.append(try desk.set(change()).get().version)
            versions.append(try desk.set(change("18")).get().version)
            _ = try desk.get { $0.removePolicy(change().key, now: Desk.now, $1) }
        }
        versions.append(try desk.set(change()).get().version)
        #expect(versions == versions.sorted())
        #expect(Set(versions).count == 7)
    }

    @Test func `a version is not used again after a restart either`() throws {
        let path = folder.path("state")
        var versions: [Int64] = []
        for _ in 1...3 {
            let desk = try Desk(folder: path)
            versions.append(try desk.set(change()).get().version)
            _ = try desk.get { $0.removePolicy(change().key, now: Desk.now, $1) }
            desk.store.close()
        }
        #expect(versions == versions.sorted())
        #expect(Set(versions).count == 3)
    }

    @Test func `one block, one store, one group: one policy`() throws {
        let desk = try Kind.memory.desk(folder)
        let keys: [StorePolicyKey] = [
            .init(block: "a", store: "1"), .init(block: "a", store: "1", roleGroup: "g"),
            .init(block: "a", store: "2"), .init(block: "b", store: "1"),
            .init(block: "A", store: "1"), .init(block: "a", store: "1\u{301}"),
            .init(block: "a", store: "\u{E9}"), .init(block: "a", store: "e\u{301}"),
        ]
        for (index, key) in keys.enumerated() {
            for devices in [99, index + 1] {
                let change = StorePolicyChange(key: key, devices: devices, changedBy: "kim")
                _ = try desk.set(change).get()
            }
        }
        let found = try desk.policies()
        #expect(found.count == keys.count)
        #expect(found.compactMap(\.change.devices).sorted() == Array(1...keys.count))
    }

    // MARK: Conditions

    @Test func `who looked at something else than what is there changes nothing`() throws {
        let desk = try Kind.memory.desk(folder)
        #expect(try desk.set(change(), if: .version(1)) == .failure(.conflict(current: nil)))
        #expect(try desk.set(change(), if: .present) == .failure(.conflict(current: nil)))
        let first = try desk.set(change(devices: 1), if: .absent).get()
        let refused: Result<StorePolicy, StateError> = .failure(.conflict(current: first))
        #expect(try desk.set(change(devices: 2), if: .absent) == refused)
        #expect(try desk.set(change(devices: 2), if: .version(first.version + 1)) == refused)
        #expect(try desk.policies() == [first])
        let second = try desk.set(change(devices: 2), if: .version(first.version)).get()
        #expect(try desk.policies() == [second])
        let stale = PolicyCondition.version(first.version)
        #expect(
            try desk.ask { $0.removePolicy(first.key, if: stale, now: Desk.now, $1) }
                == .failure(.conflict(current: second)))
        let current = PolicyCondition.version(second.version)
        #expect(
            try desk.get { $0.removePolicy(first.key, if: current, now: Desk.now, $1) } == second)
        #expect(
            try desk.ask { $0.removePolicy(first.key, now: Desk.now, $1) } == .failure(.notFound))
        #expect(
            try desk.ask { $0.removePolicy(first.key, if: current, now: Desk.now, $1) }
                == .failure(.conflict(current: nil)))
    }

    @Test func `of many who looked at the same one changes it`() throws {
        let desk = try Kind.memory.desk(folder)
        let first = try desk.set(change()).get()
        let mailbox = try Mailbox<Result<StorePolicy, StateError>>(capacity: 100)
        for number in 1...100 {
            desk.store.setPolicy(
                change(devices: number), if: .version(first.version), now: Desk.now
            ) { mailbox.post($0) }
        }
        let answers = try desk.take(100, from: mailbox)
        let winners = answers.compactMap { try? $0.get() }
        #expect(winners.count == 1)
        #expect(try desk.policies() == winners)
    }

    @Test func `what cannot be kept is refused`() throws {
        let desk = try Kind.memory.desk(folder)
        let before = change(expires: Desk.now)
        guard case .failure(.invalid(let reason)) = try desk.set(before) else {
            Issue.record("it was kept")
            return
        }
        #expect(reason.field == "expires")
        #expect(try desk.policies() == [])
    }

    @Test func `there are only so many`() throws {
        let desk = try Kind.memory.desk(folder)
        let limit = 20_000
        let mailbox = try Mailbox<Result<StorePolicy, StateError>>(capacity: limit)
        for start in stride(from: 0, to: limit, by: 2000) {
            for number in start..<start + 2000 {
                desk.store.setPolicy(change("\(number)"), now: Desk.now) { mailbox.post($0) }
            }
            let answers = try desk.take(2000, from: mailbox)
            #expect(answers.allSatisfy { (try? $0.get()) != nil })
        }
        #expect(try desk.set(change("more")) == .failure(.tooMany(limit: limit)))
        // One of those that are there may be changed, and removed for another.
        _ = try desk.set(change("7", devices: 7)).get()
        _ = try desk.get { $0.removePolicy(change("8").key, now: Desk.now, $1) }
        _ = try desk.set(change("more")).get()
        #expect(try desk.policies().count == limit)
    }

    // MARK: Time

    @Test(arguments: Kind.allCases)
    func `a policy that has expired is not in force, and goes`(kind: Kind) throws {
        let desk = try kind.desk(folder)
        let end = WallTime(seconds: Desk.now.seconds + 10)
        let short = try desk.set(change("1", expires: end)).get()
        let long = try desk.set(change("2")).get()
        let before = WallTime(seconds: end.seconds - 1, nanoseconds: 999_999_999)
        #expect(try desk.policies(now: before) == [short, long])
        #expect(try desk.policies(now: end) == [long])
        #expect(try desk.get { $0.policy(short.key, now: end, $1) } == nil)
        #expect(
            try desk.ask { $0.removePolicy(short.key, now: end, $1) } == .failure(.notFound))
        #expect(try desk.timePassed(to: before) == .init(policies: [], revocationCount: 0))
        #expect(try desk.timePassed(to: end) == .init(policies: [short], revocationCount: 0))
        #expect(try desk.timePassed(to: end) == .init(policies: [], revocationCount: 0))
        // Not even for who asks about the past.
        #expect(try desk.policies(now: before) == [long])
    }

    @Test func `one that has expired does not stand in the way of another`() throws {
        let desk = try Kind.memory.desk(folder)
        let end = WallTime(seconds: Desk.now.seconds + 10)
        let old = try desk.set(change(expires: end)).get()
        #expect(
            try desk.set(change(), if: .version(old.version), now: end)
                == .failure(.conflict(current: nil)))
        let new = try desk.set(change(), if: .absent, now: end).get()
        #expect(new.version > old.version)
        #expect(try desk.timePassed(to: end).policies == [])
        #expect(try desk.policies(now: end) == [new])
    }

    static let times: [(WallTime, kept: WallTime)] = [
        (WallTime(seconds: .max, nanoseconds: 999_999_999), WallTime(stored: .max)),
        (WallTime(seconds: 9_223_372_036, nanoseconds: 854_775_807), WallTime(stored: .max)),
        (WallTime(seconds: 9_223_372_036, nanoseconds: 854_775_806), WallTime(stored: .max - 1)),
        (WallTime(seconds: 9_223_372_036, nanoseconds: 854_775_808), WallTime(stored: .max)),
        (
            WallTime(seconds: 1_900_000_000, nanoseconds: 7),
            .init(seconds: 1_900_000_000, nanoseconds: 7)
        ),
        (WallTime(seconds: 0), WallTime(seconds: 0)),
        (WallTime(seconds: -1, nanoseconds: 1), WallTime(seconds: -1, nanoseconds: 1)),
        (WallTime(seconds: .min), WallTime(stored: .min)),
    ]

    @Test(arguments: times) func `points in time`(time: WallTime, kept: WallTime) {
        #expect(time.asStored == kept)
        #expect(kept.asStored == kept)
        #expect((0..<1_000_000_000).contains(kept.nanoseconds))
    }
}
