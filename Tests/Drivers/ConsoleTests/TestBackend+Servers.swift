import Clock
import Locks
import Sessions
import Settings
import Upstreams

@testable import Console

/// Two servers of a backend `app`, and one of `spare`, as real states.
struct TestServers: Sendable {
    let registry = UpstreamRegistry()
    let groups: [BackendGroup]
    let isReady = Guarded(true)
    let refused = Guarded(false)

    init() {
        var groups: [BackendGroup] = []
        for (name, ports) in [("app", [8001, 8002]), ("spare", [9001])] as [(String, [UInt16])] {
            let servers = ports.map {
                BackendSettings.Server(
                    address: .ip(address: "127.0.0.1", port: $0), weight: 1, isBackup: false)
            }
            groups.append(
                BackendGroup(BackendSettings(name: name, servers: servers), registry: registry))
        }
        self.groups = groups
    }

    static func address(of state: ServerState) -> String {
        guard case .ip(let host, let port) = state.address else { return "" }
        return "\(host):\(port)"
    }
}

extension TestBackend {
    var isReady: Bool { fleet.isReady.withLock { $0 } }

    func servers() -> [ServerView] {
        fleet.groups.flatMap { group in
            group.members.servers.map { server in
                ServerView(
                    name: ServedPlace(
                        backend: group.settings.name, address: TestServers.address(of: server.state)
                    ), weight: server.weight, isBackup: server.isBackup,
                    standing: server.state.standing(at: .zero), exchanges: server.state.active)
            }
        }
    }

    func order(_ name: ServedPlace, drain: DrainOrder?) -> Bool {
        let found = fleet.groups.filter { $0.settings.name == name.backend }
            .flatMap(\.members.servers)
            .first { TestServers.address(of: $0.state) == name.address }
        guard let found else { return false }
        if let drain {
            found.state.order.drain(at: .zero, keepingLive: drain.keepsLive)
        } else {
            _ = found.state.order.withdraw()
        }
        return true
    }

    func status(_ answer: @escaping ConsoleAnswer<StatusView>) {
        let day: Int64 = 86_400
        let now = TestBackend.now
        let certificates: [StatusView.Certificate] = [
            .init(host: nil, file: nil, expires: now.advanced(by: .seconds(3 * day + 5))),
            .init(host: "a.kr", file: "/a.pem", expires: now.advanced(by: .seconds(-1))),
            .init(host: "b.kr", file: "/b.pem", expires: nil),
        ]
        answer(
            .success(
                StatusView(
                    version: "1.2.3", process: 42, started: now.advanced(by: .seconds(-60)),
                    uptime: .seconds(60), workers: 2,
                    generation: .init(
                        number: 7, loaded: now,
                        refused: fleet.refused.withLock { $0 } ? ("line 3: no", now) : nil),
                    listeners: [
                        .init(address: "127.0.0.1:443", isTLS: true, certificates: certificates)
                    ],
                    servers: servers(),
                    stopping: isReady ? nil : .init(since: now, closes: now, ends: now),
                    counts: nil)))
    }
}
