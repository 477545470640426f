import Clock
import Foundation
import Identity
import Locks
import Peers
import Records
import State
import Testing
import Transport

/// A store to be asked, one question after the other.
final class Desk {
    struct TookTooLong: Error {}

    let store: StateStore
    private let notes: Guarded<[StateNotice]>

    init(_ options: StateStore.Options) throws {
        let notes = Guarded<[StateNotice]>([])
        self.notes = notes
        store = try StateStore(options) { note in notes.withLock { $0.append(note) } }
    }

    convenience init(folder: String, history: HistoryLimits? = nil) throws {
        try self.init(StateStore.Options(place: .folder(folder), history: history))
    }

    /// What the log was told, in order.
    var notices: [StateNotice] { notes.withLock { $0 } }

    /// Waits for the answer.
    func ask<Value: Sendable>(
        _ question: (StateStore, @escaping StateStore.Completion<Value>) -> Void
    ) throws -> Result<Value, StateError> {
        let mailbox = try Mailbox<Result<Value, StateError>>(capacity: 1)
        question(store) { mailbox.post($0) }
        return try #require(try take(1, from: mailbox).first)
    }

    func get<Value: Sendable>(
        _ question: (StateStore, @escaping StateStore.Completion<Value>) -> Void
    ) throws -> Value { try ask(question).get() }

    /// Waits until `count` messages came.
    func take<Message: Sendable>(_ count: Int, from mailbox: Mailbox<Message>) throws -> [Message] {
        let poller = try Poller()
        try poller.add(mailbox.descriptorNumber, token: 0, interest: .readable)
        let deadline = SystemClock.now() + .seconds(30)
        var taken = mailbox.take()
        while taken.count < count {
            guard SystemClock.now() < deadline else { throw TookTooLong() }
            _ = poller.wait(milliseconds: 100)
            taken += mailbox.take()
        }
        return taken
    }

    /// Waits until it is so.
    func wait(until isSo: (Desk) throws -> Bool) throws {
        try Self.wait { try isSo(self) }
    }

    static func wait(until isSo: () throws -> Bool) throws {
        let deadline = SystemClock.now() + .seconds(30)
        while try !isSo() {
            guard SystemClock.now() < deadline else { throw TookTooLong() }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}

// MARK: Questions

extension Desk {
    static let now = WallTime(seconds: 1_800_000_000, nanoseconds: 123_456_789)

    func set(
        _ change: StorePolicyChange, if condition: PolicyCondition = .always,
        now: WallTime = Desk.now
    ) throws -> Result<StorePolicy, StateError> {
        try ask { $0.setPolicy(change, if: condition, now: now, $1) }
    }

    func policies(now: WallTime = Desk.now) throws -> [StorePolicy] {
        try get { $0.policies(now: now, $1) }
    }

    func page(
        _ scope: HistoryQuery.Scope = .all, after cursor: HistoryCursor? = nil, limit: Int = 50
    ) throws -> HistoryPage {
        try get { $0.history(HistoryQuery(scope, after: cursor, limit: limit), $1) }
    }

    @discardableResult
    func timePassed(to now: WallTime) throws -> StateStore.Expired {
        try get { $0.timePassed(to: now, $1) }
    }
}

/// A change to the policy of a store, of which a test says what matters to it.
func change(
    _ store: String = "17", block: String = "boards", group: String? = nil, devices: Int? = 2,
    policy: String? = nil, expires: WallTime? = nil, by: String = "kim", note: String? = nil
) -> StorePolicyChange {
    StorePolicyChange(
        key: .init(block: block, store: store, roleGroup: group), devices: devices, policy: policy,
        expires: expires, changedBy: by, note: note)
}

/// An ended session.
func entry(
    _ session: String, store: String = "17", device: String = "c-1", ended: Int64 = 0
) -> HistoryEntry {
    HistoryEntry(
        session: session, block: "boards", store: store, device: device,
        deviceSource: "query:client_id", role: "admin", user: "7", address: "192.0.2.7",
        transport: "websocket", route: "/ws/admin", began: WallTime(seconds: ended - 60),
        ended: WallTime(seconds: ended, nanoseconds: 5), reason: "force_disconnect",
        rule: "eject_old", received: .init(octets: 1, messages: 2),
        sent: .init(octets: .max, messages: 4))
}
