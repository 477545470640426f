package import Clock
package import Identity
import Locks
package import Records
import SQLite
import Synchronization
import Transport

/// Keeps what operators decide while the gateway runs, and the history of sessions: on one thread
/// of its own, in a file or in memory, for the life of the process.
///
/// Every request ends with its completion, called once: on the thread of the store, or on the
/// caller's when it is refused at once (`overloaded`, `stopped`). It must not take long. A change
/// that a completion reports is on the disk. Requests of one thread are done in their order, each
/// seeing what those before it did.
///
/// No clock is read for any decision: the time comes in with the requests.
package final class StateStore: Sendable {
    package typealias Completion<Value> = @Sendable (Result<Value, StateError>) -> Void

    package enum Place: Sendable, Hashable {
        /// `gateway.db` in this folder, which is made if the one it lies in is there.
        case folder(String)
        /// Gone with the process.
        case memory
    }

    package struct Options: Sendable {
        package var place: Place
        package var history: HistoryLimits
        /// Octets that the file may grow to.
        package var fileSize = 64 * 1024 * 1024 * 1024

        package init(place: Place, history: HistoryLimits? = nil) {
            self.place = place
            self.history = history ?? (place == .memory ? .inMemory : HistoryLimits())
        }
    }

    /// What time alone has changed.
    package struct Expired: Sendable, Hashable {
        /// Policies that are in force no more.
        package var policies: [StorePolicy]
        /// How many revocations were forgotten.
        package var revocationCount: Int
    }

    /// Tries whether a folder could be worked with, without making anything there.
    package static func check(folder: String) throws(StateFileError) {
        try StateTables.check(folder)
    }

    private let inbox: StateInbox
    private let closed: Handover<Void>
    private let isClosing = Atomic(false)

    /// Opens what is there, or makes it, and starts the thread, which ends with this object or with
    /// `close()`.
    ///
    /// - Parameter log: called on the thread of the store. It must not take long.
    package init(
        _ options: Options, log: @escaping @Sendable (StateNotice) -> Void
    ) throws(StateFileError) {
        let opened: Handover<StateFileError?>
        do throws(SystemError) {
            let inbox = try StateInbox(log: log)
            let (opening, closing) = try (Handover<StateFileError?>(), Handover<Void>())
            (self.inbox, closed, opened) = (inbox, closing, opening)
            try System.startThread(name: "state") {
                Self.serve(inbox, options, opening)
                closing.give(())
            }
        } catch {
            throw .system(reason: error.reason)
        }
        let failure: StateFileError?
        do throws(SystemError) {
            failure = try opened.wait()
        } catch {
            failure = .system(reason: error.reason)
        }
        if let failure { throw failure }
    }

    deinit { inbox.stop() }

    /// Refuses further requests, does those that wait, closes the file, and returns when all of
    /// that is over; only the first call waits for it. Not called on the thread of the store.
    package func close() {
        if isClosing.exchange(true, ordering: .acquiringAndReleasing) { return }
        inbox.stop()
        // Fails only where no descriptor is left: then the end of the process closes the file.
        try? closed.wait()
    }

    private static func serve(
        _ inbox: StateInbox, _ options: Options, _ opened: Handover<StateFileError?>
    ) {
        // Before the file is closed, which nobody has to wait for; everything is written.
        defer { inbox.close() }
        let tables: StateTables
        let loop: StateLoop
        do throws(StateFileError) {
            tables = try StateTables(options)
            loop = try Self.loop(inbox, tables)
            inbox.log(try Self.greeting(tables, options))
        } catch {
            return opened.give(error)
        }
        opened.give(nil)
        loop.run()
    }

    private static func loop(
        _ inbox: StateInbox, _ tables: StateTables
    ) throws(StateFileError) -> StateLoop {
        do throws(SystemError) {
            return try StateLoop(inbox, tables)
        } catch {
            throw .system(reason: error.reason)
        }
    }

    private static func greeting(
        _ tables: StateTables, _ options: Options
    ) throws(StateFileError) -> StateNotice {
        if options.place == .memory {
            return .info(
                "state: kept in memory only: what operators decide is lost when the gateway stops"
                    + " ('state PATH' stores it)")
        }
        do throws(DatabaseError) {
            return .info("state: '\(tables.name)': \(try tables.summary())")
        } catch {
            throw StateFileError(error, file: tables.name)
        }
    }

    package var statistics: StateStatistics {
        var statistics = inbox.statistics.withLock { $0 }
        statistics.lost = inbox.lost.load(ordering: .relaxed)
        return statistics
    }

    private func read<Value: Sendable>(
        _ completion: @escaping Completion<Value>,
        _ body: @escaping @Sendable (StateTables) throws(DatabaseError) -> Value
    ) {
        let work = StateWork(
            isWrite: false, isDecision: false,
            { tables throws(DatabaseError) in .success(try body(tables)) }, completion)
        inbox.submit(work)
    }

    private func write<Value: Sendable>(
        _ completion: @escaping Completion<Value>,
        _ body:
            @escaping @Sendable (StateTables) throws(DatabaseError) -> Result<Value, StateError>
    ) {
        inbox.submit(StateWork(isWrite: true, isDecision: true, body, completion))
    }
}

// MARK: Requests

extension StateStore {
    /// All policies in force, by block, store and group.
    package func policies(now: WallTime, _ completion: @escaping Completion<[StorePolicy]>) {
        read(completion) { tables throws(DatabaseError) in try tables.policies.all(now: now) }
    }

    /// The policy in force; nil for none.
    package func policy(
        _ key: StorePolicyKey, now: WallTime, _ completion: @escaping Completion<StorePolicy?>
    ) {
        read(completion) { tables throws(DatabaseError) in
            try tables.policies.policy(key, now: now)
        }
    }

    /// Sets a policy in the place of the one with the same key, if there is one.
    package func setPolicy(
        _ change: StorePolicyChange, if condition: PolicyCondition = .always, now: WallTime,
        _ completion: @escaping Completion<StorePolicy>
    ) {
        write(completion) { tables throws(DatabaseError) in
            try tables.policies.set(change, if: condition, now: now)
        }
    }

    /// Removes the policy in force, and answers it.
    package func removePolicy(
        _ key: StorePolicyKey, if condition: PolicyCondition = .always, now: WallTime,
        _ completion: @escaping Completion<StorePolicy>
    ) {
        write(completion) { tables throws(DatabaseError) in
            try tables.policies.remove(key, if: condition, now: now)
        }
    }

    /// The names of devices in one block, or (nil) in all.
    package func aliases(block: String?, _ completion: @escaping Completion<[DeviceAlias]>) {
        read(completion) { tables throws(DatabaseError) in try tables.aliases.all(block: block) }
    }

    /// Names a device; the last one who does is right.
    package func setAlias(
        _ alias: DeviceAlias, _ completion: @escaping Completion<DeviceAlias>
    ) {
        write(completion) { tables throws(DatabaseError) in try tables.aliases.set(alias) }
    }

    package func removeAlias(_ key: DeviceAlias.Key, _ completion: @escaping Completion<Void>) {
        write(completion) { tables throws(DatabaseError) in
            try tables.aliases.remove(key) > 0 ? .success(()) : .failure(.notFound)
        }
    }

    /// The revocations that may not be forgotten yet, in no order.
    package func revocations(now: WallTime, _ completion: @escaping Completion<[Revocation]>) {
        read(completion) { tables throws(DatabaseError) in try tables.revocations.all(now: now) }
    }

    /// Adds one, and answers what is kept: of two for the same target the one that means more.
    package func addRevocation(
        _ revocation: Revocation, now: WallTime, _ completion: @escaping Completion<Revocation>
    ) {
        write(completion) { tables throws(DatabaseError) in
            try tables.revocations.add(revocation, now: now)
        }
    }

    /// Takes the one with this target and rule back.
    package func removeRevocation(
        _ revocation: Revocation, _ completion: @escaping Completion<Void>
    ) {
        write(completion) { tables throws(DatabaseError) in
            try tables.revocations.remove(revocation) > 0 ? .success(()) : .failure(.notFound)
        }
    }

    /// A session ended. Written within a second; when too many wait it is lost, and counted.
    package func record(_ entry: HistoryEntry) { inbox.record(entry) }

    /// Sessions that are over; those recorded before on the same thread among them.
    package func history(_ query: HistoryQuery, _ completion: @escaping Completion<HistoryPage>) {
        read(completion) { tables throws(DatabaseError) in try tables.history.page(query) }
    }

    /// From now on so much of the history is kept; what is too much goes in small steps.
    package func keepHistory(_ limits: HistoryLimits, _ completion: @escaping Completion<Void>) {
        read(completion) { tables in tables.history.keep(limits) }
    }

    /// Called every few seconds, and before the first `policies`: removes what is over, and begins
    /// to remove what is too old.
    package func timePassed(to now: WallTime, _ completion: @escaping Completion<Expired>) {
        let work = StateWork(
            isWrite: true, isDecision: false,
            { tables throws(DatabaseError) in
                tables.history.timePassed(to: now)
                return .success(
                    Expired(
                        policies: try tables.policies.dropExpired(now: now),
                        revocationCount: try tables.revocations.forget(now: now)))
            }, completion)
        inbox.submit(work)
    }
}
