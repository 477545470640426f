internal import Clock
internal import Console
internal import Endings
internal import Generations
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams

/// What the console asks about the process and the servers behind it, and orders of them.
extension Operations {
    var isReady: Bool { shared.status.isReady }

    func servers() -> [ServerView] { shared.status.report.generation?.serverViews ?? [] }

    func order(_ name: ServedPlace, drain: DrainOrder?) -> Bool {
        // Also those that only an older configuration uses, which may have sockets there.
        let servers = shared.registry.servers.filter {
            $0.group == name.backend && $0.address.text == name.address
        }
        for server in servers {
            server.state.drain(keepingLive: drain?.keepsLive, at: SystemClock.now())
            shared.postToWorkers(.serverOrdered(server.state))
        }
        return !servers.isEmpty
    }

    func status(_ answer: @escaping ConsoleAnswer<StatusView>) {
        let shared = shared
        counts { counts in
            let status = StatusView(shared, counts: try? counts.get())
            answer(status.map { .success($0) } ?? .failure(.notReady))
        }
    }
}

extension Generation {
    fileprivate var serverViews: [ServerView] {
        let now = SystemClock.now()
        return groups.flatMap { group in
            group.members.servers.map { server in
                ServerView(
                    name: ServedPlace(
                        backend: group.settings.name, address: server.state.address.text),
                    weight: server.weight, isBackup: server.isBackup,
                    standing: server.standing(at: now), exchanges: server.state.active)
            }
        }
    }
}

extension StatusView {
    /// Nil before there is a configuration.
    fileprivate init?(_ shared: SharedState, counts: SessionCounts?) {
        let report = shared.status.report
        guard let generation = report.generation, let loaded = report.loaded else { return nil }
        let clock = SystemClock.reading()
        let started = shared.status.started
        self.init(
            version: report.version, process: System.processID, started: started.wallTime,
            uptime: clock.now - started.now, workers: shared.mailboxes.count,
            generation: .init(
                number: generation.number, loaded: loaded,
                refused: report.refused.map { ($0.reason, $0.at) }),
            listeners: generation.settings.listeners.map { Listener($0, generation) },
            servers: generation.serverViews,
            stopping: report.stopping.map {
                Stopping(
                    since: clock.wallTime(of: $0.since), closes: clock.wallTime(of: $0.closes),
                    ends: clock.wallTime(of: $0.ends))
            }, counts: counts)
    }
}

extension Refusal {
    fileprivate static let notReady = Refusal(
        .overloaded, message: "The gateway has not begun to serve")
}

extension StatusView.Listener {
    fileprivate init(_ settings: ListenerSettings, _ generation: Generation) {
        let entrance = generation.entrances[ListenerKey(address: settings.address)]
        self.init(
            address: settings.address.text, isTLS: settings.tls != nil,
            certificates: (entrance?.certificates ?? []).map {
                .init(host: $0.host, file: $0.file, expires: $0.expires)
            })
    }
}
