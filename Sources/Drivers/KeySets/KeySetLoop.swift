import Clock
import HTTP
import Identity
import Locks
import Settings
import Synchronization
import TLS
import Transport

/// The thread of the service: begins what is due, drives what is under way. It never waits for
/// anything but its poller; names are looked up on threads of their own.
final class KeySetLoop {
    private struct Running {
        var source: KeySetSource
        var fetch: KeySetFetch
    }

    private static let mailboxToken: UInt64 = 0
    /// Threads that look up names; one that the system keeps waiting outlives its fetch.
    private static let lookupLimit = 16
    /// Octets of a file of authorities.
    private static let authorityLimit = 4 * 1024 * 1024

    private let registry: KeySetRegistry
    private let poller: Poller
    /// Made for the first fetch: who has only files needs no buffers.
    private lazy var tools = KeySetFetch.Tools(
        poller: poller, engine: TLSEngine(), buffer: ReadBuffer())
    /// By the id of the source's entry.
    private var running: [UInt64: Running] = [:]
    private var lookupCount = 0
    /// In order; those whose fetch is over are passed over.
    private var waitingLookups: [(location: SecureLocation, id: UInt64)] = []

    /// Serves `registry` until it is stopped.
    static func run(_ registry: KeySetRegistry) {
        do throws(SystemError) {
            try KeySetLoop(registry).run()
        } catch {
            let words = "keys: cannot fetch any key set: \(error.reason)"
            for source in registry.state.withLock({ Array($0.entries.keys) }) {
                registry.report(
                    KeySetReport(source: source, isChanged: false, notice: .warning(words)))
            }
        }
    }

    private init(_ registry: KeySetRegistry) throws(SystemError) {
        self.registry = registry
        poller = try Poller()
        try poller.add(
            registry.mailbox.descriptorNumber, token: Self.mailboxToken, interest: .readable)
    }

    private func run() {
        while true {
            // Before anything is looked at: whatever changes from here on wakes the poller.
            registry.awoke()
            if registry.isStopping.load(ordering: .acquiring) { break }
            dropForgotten()
            let next = beginDue(registry.clock.now)
            let count = poller.wait(milliseconds: registry.clock.milliseconds(until: next))
            for index in 0..<count {
                let (token, readiness) = poller.event(index)
                if token == Self.mailboxToken {
                    takeMessages()
                } else if let fetch = running[token]?.fetch {
                    run(fetch.ready(readiness, now: registry.clock.now), of: token)
                }
            }
            let now = registry.clock.now
            for (id, running) in running where running.fetch.deadline <= now {
                run(running.fetch.timePassed(to: now), of: id)
            }
        }
        for running in running.values { running.fetch.cancel() }
    }

    /// Fetches of sources that are in use no more.
    private func dropForgotten() {
        if running.isEmpty { return }
        let ids = registry.state.withLock { Set($0.entries.values.map(\.id)) }
        for (id, running) in running where !ids.contains(id) {
            running.fetch.cancel()
            self.running[id] = nil
        }
    }

    /// Begins what is due.
    /// - Returns: when something has to happen next.
    private func beginDue(_ now: Instant) -> Instant? {
        let due: [KeySetRegistry.Entry] = registry.state.withLock { state in
            var due: [KeySetRegistry.Entry] = []
            for (source, var entry) in state.entries where entry.record.timePassed(to: now) {
                state.entries[source] = entry
                due.append(entry)
            }
            return due
        }
        for entry in due { begin(entry, now) }
        let next = registry.state.withLock { $0.entries.values.compactMap(\.record.due).min() }
        return (running.values.map(\.fetch.deadline) + [next].compactMap { $0 }).min()
    }

    private func begin(_ entry: KeySetRegistry.Entry, _ now: Instant) {
        let source = entry.record.source
        switch source {
        case .remote(let set): begin(set, source, entry.id, now)
        case .keySet(let path), .key(let path), .publicKey(let path, _), .revocations(let path):
            if let read = KeySetFile.read(path, of: source, unless: entry.stamp) {
                registry.note(source, id: entry.id, stamp: read.stamp, read.attempt)
            } else {
                registry.noteUnchanged(source, id: entry.id)
            }
        }
    }

    private func begin(_ set: RemoteKeySet, _ source: KeySetSource, _ id: UInt64, _ now: Instant) {
        let context: TLSClientContext
        do throws(FetchFailure) {
            context = try Self.context(set)
        } catch {
            registry.note(source, id: id, stamp: nil, .failure(error))
            return
        }
        let fetch = KeySetFetch(set, context: context, token: id, tools: tools, now: now)
        running[id] = Running(source: source, fetch: fetch)
        run(fetch.start(), of: id)
    }

    /// Made for every fetch: files of authorities change too.
    private static func context(_ set: RemoteKeySet) throws(FetchFailure) -> TLSClientContext {
        var authority: [UInt8]?
        if let path = set.authorityPath {
            authority = try? SystemConfigurationFiles().read(path, limit: authorityLimit)
            if authority == nil { throw .authority("'\(path)' cannot be read") }
        }
        do throws(TLSError) {
            return try TLSClientContext(authority: authority)
        } catch {
            throw .authority(error.message)
        }
    }

    private func run(_ step: KeySetFetch.Step, of id: UInt64) {
        switch step {
        case .wait: break
        case .lookUp(let location): lookUp(location, for: id)
        case .done(let result):
            guard let source = running.removeValue(forKey: id)?.source else { return }
            let attempt: KeySetAttempt =
                switch result {
                case .success(let answer):
                    .reading(answer.octets, of: source, lifetime: answer.lifetime)
                case .failure(let failure): .failure(failure)
                }
            registry.note(source, id: id, stamp: nil, attempt)
        }
    }

    private func lookUp(_ location: SecureLocation, for id: UInt64) {
        if let address = SocketAddress(numeric: location.host, port: location.port) {
            lookedUp(location, .success([address]), id)
            return
        }
        guard lookupCount < Self.lookupLimit else {
            // The time of a fetch goes on meanwhile.
            waitingLookups.append((location, id))
            return
        }
        let registry = registry
        do throws(SystemError) {
            try System.startThread(name: "lookup") {
                let result = Result { () throws(NameLookup.Failure) in
                    try NameLookup.addresses(of: location.host, port: location.port)
                }
                registry.mailbox.post(.lookedUp(id: id, location, result))
            }
            lookupCount += 1
        } catch {
            lookedUp(location, .failure(.init(error.reason)), id)
        }
    }

    private func beginWaitingLookups() {
        while lookupCount < Self.lookupLimit, !waitingLookups.isEmpty {
            let next = waitingLookups.removeFirst()
            if running[next.id] != nil { lookUp(next.location, for: next.id) }
        }
    }

    private func lookedUp(
        _ location: SecureLocation, _ result: Result<[SocketAddress], NameLookup.Failure>,
        _ id: UInt64
    ) {
        guard let fetch = running[id]?.fetch else { return }
        run(fetch.lookedUp(location, result, now: registry.clock.now), of: id)
    }

    private func takeMessages() {
        for message in registry.mailbox.take() {
            switch message {
            case .wake: break
            case .lookedUp(let id, let location, let result):
                lookupCount -= 1
                lookedUp(location, result, id)
                beginWaitingLookups()
            }
        }
    }
}
