internal import Clock
internal import Locks
internal import Resolver
internal import Settings
internal import Synchronization
internal import Transport
internal import Upstreams

/// The thread of the service: asks for what is due. It never waits for anything but its poller.
final class NameLoop {
    private static let mailboxToken: UInt64 = 0

    private let registry: NameRegistry
    private let poller: Poller
    private var resolver: NameResolver?
    private var settingsVersion: UInt64?
    /// What is under way, by the number of the lookup.
    private var lookups: [UInt64: NameLookupState] = [:]
    /// The lookup that a question belongs to.
    private var questions: [UInt64: (lookup: UInt64, question: NameResolver.Question)] = [:]
    private var lastNumber: UInt64 = 0

    /// Serves `registry` until it is stopped.
    static func run(_ registry: NameRegistry) {
        do throws(SystemError) {
            try NameLoop(registry).run()
        } catch {
            registry.report(
                NameReport(
                    isChanged: false,
                    notice: .warning("names: cannot resolve any name: \(error.reason)")))
        }
    }

    private init(_ registry: NameRegistry) throws(SystemError) {
        self.registry = registry
        poller = try Poller()
        try poller.add(
            registry.mailbox.descriptorNumber, token: Self.mailboxToken, interest: .readable)
    }

    private func run() throws(SystemError) {
        while true {
            _ = registry.mailbox.take()
            if registry.isStopping.load(ordering: .acquiring) { return }
            try takeSettings()
            beginDue()
            takeAnswers()
            let count = poller.wait(milliseconds: patience)
            for index in 0..<count {
                let (token, readiness) = poller.event(index)
                if NameResolver.owns(token) { resolver?.ready(token, readiness) }
            }
            resolver?.timePassed()
            takeAnswers()
        }
    }

    /// Milliseconds until something is to be done; -1 for without end.
    private var patience: Int32 {
        let due = registry.state.withLock { $0.entries.values.compactMap(\.record.due).min() }
        let now = SystemClock.now()
        let times: [Int64?] = [
            due.map { ($0 - now).wholeMilliseconds + 1 }, resolver?.nextTimeout.map { Int64($0) },
        ]
        return times.compactMap(\.self).min().map { Int32(clamping: max(0, $0)) } ?? -1
    }

    /// Other name servers are asked with a resolver of their own: what is under way is dropped, and
    /// was put on again by `use`.
    private func takeSettings() throws(SystemError) {
        let (settings, version) = registry.state.withLock { ($0.settings, $0.settingsVersion) }
        guard version != settingsVersion || resolver == nil else { return }
        settingsVersion = version
        lookups = [:]
        questions = [:]
        resolver = nil
        resolver = try NameResolver(
            NameResolver.Options(
                servers: settings.addresses.compactMap { address in
                    guard case .ip(let host, let port) = address else { return nil }
                    return SocketAddress(numeric: host, port: port)
                },
                timeoutMilliseconds: Int32(clamping: settings.timeout.wholeMilliseconds),
                tries: Int32(settings.retries + 1)), poller: poller)
    }

    private func beginDue() {
        let now = SystemClock.now()
        let due: [(name: ServerName, id: UInt64)] = registry.state.withLock { state in
            var due: [(name: ServerName, id: UInt64)] = []
            for (name, var entry) in state.entries where entry.record.timePassed(to: now) {
                state.entries[name] = entry
                due.append((name, entry.id))
            }
            return due
        }
        for (name, id) in due {
            lastNumber += 1
            var lookup = NameLookupState(name, id: id)
            let first = lookup.start()
            lookups[lastNumber] = lookup
            ask(first, for: lastNumber)
        }
    }

    private func ask(_ questions: [NameResolver.Question], for lookup: UInt64) {
        for question in questions {
            lastNumber += 1
            self.questions[lastNumber] = (lookup, question)
            resolver?.ask(question, id: lastNumber)
        }
    }

    private func takeAnswers() {
        while let answers = resolver?.takeAnswers(), !answers.isEmpty {
            for (id, answer) in answers { take(answer, id) }
        }
    }

    private func take(_ answer: NameResolver.Answer, _ id: UInt64) {
        guard let (number, question) = questions.removeValue(forKey: id),
            var lookup = lookups[number]
        else { return }
        let next = lookup.answered(question, answer)
        lookups[number] = lookup
        ask(next, for: number)
        guard lookup.isOver else { return }
        lookups[number] = nil
        registry.note(lookup.name, id: lookup.id, at: SystemClock.now()) {
            lookup.answer(known: $0)
        }
    }
}
