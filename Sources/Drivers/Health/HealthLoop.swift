import Clock
import Generations
import Loop
import Settings
import Synchronization
import Transport
import Upstreams

/// The thread of the checks: asks every server of every group that wants it, one schedule for the
/// whole process. It never waits for anything but its poller.
final class HealthLoop {
    /// A server, and the checks of it.
    private struct Target {
        let server: ServerState
        let group: BackendGroup
        var check: HealthCheck
    }

    private static let mailboxToken: UInt64 = 0
    private static let wakeToken: UInt64 = 1
    /// How often it is looked which servers there are, whatever else happens.
    private static let longestPause: Duration = .seconds(1)

    private let link: HealthLink
    private let loop: Loop
    private var groups: [BackendGroup] = []
    private var targets: [ObjectIdentifier: Target] = [:]
    /// By their tokens.
    private var probes: [UInt64: Probe] = [:]
    private var lastToken = wakeToken

    /// Serves until it is told to stop.
    static func run(_ link: HealthLink) {
        do throws(SystemError) {
            try HealthLoop(link).run()
        } catch {
            link.report(.failed("servers are not checked: \(error.reason)"))
        }
    }

    private init(_ link: HealthLink) throws(SystemError) {
        self.link = link
        loop = try Loop(wakeToken: Self.wakeToken)
        try loop.watch(
            link.mailbox.descriptorNumber, token: Self.mailboxToken, interest: .readable)
    }

    private func run() {
        while !link.isStopping.load(ordering: .acquiring) {
            let count = loop.next(hasBacklog: false)
            for index in 0..<count {
                let (token, readiness) = loop.event(index)
                if token == Self.mailboxToken {
                    if let latest = link.mailbox.take().last { groups = latest }
                } else if let probe = probes[token] {
                    if let verdict = probe.ready(readiness) { ended(probe, verdict) }
                }
            }
            for token in loop.takeDue() {
                guard let probe = probes[token], let verdict = probe.timePassed() else { continue }
                ended(probe, verdict)
            }
            follow()
            beginDue()
        }
        for probe in probes.values { probe.close() }
    }

    // MARK: Whom to ask

    /// Servers come and go while a generation serves, so this looks every time.
    private func follow() {
        var left = targets
        for group in groups {
            guard let settings = group.settings.health.check else { continue }
            for member in group.members.servers {
                let key = ObjectIdentifier(member.state)
                let known = left.removeValue(forKey: key)
                var check =
                    known?.check
                    ?? HealthCheck(
                        settings, isUp: member.state.health.finding?.isUp, now: loop.now,
                        randomness: randomness)
                check.adopt(settings, now: loop.now)
                targets[key] = Target(server: member.state, group: group, check: check)
            }
        }
        for (key, target) in left {
            targets[key] = nil
            target.server.health.forgetChecks()
            for probe in probes.values where probe.server === target.server {
                probe.close()
                probes[probe.token] = nil
            }
        }
    }

    // MARK: Asking

    private func beginDue() {
        for (key, target) in targets {
            guard let due = target.check.due, due <= loop.now else { continue }
            var target = target
            let deadline = target.check.began(at: loop.now, randomness: randomness)
            targets[key] = target
            begin(target, deadline)
        }
        guard !targets.isEmpty else { return }
        let next = targets.values.compactMap(\.check.due).min() ?? .never
        loop.wake(at: min(next, loop.now + Self.longestPause))
    }

    private func begin(_ target: Target, _ deadline: Instant) {
        let server = target.server
        guard let address = SocketAddress(server.address) else {
            return ended(server, .failed(.unreachable("no address")))
        }
        lastToken += 1
        do {
            let conversation = try ProbeConversation(
                target.check.settings, host: target.check.settings.host ?? server.address.authority,
                proxyHeader: target.group.settings.proxyHeader, nonce: nonce())
            probes[lastToken] = try Probe(
                token: lastToken, server: server, at: address, conversation, deadline: deadline,
                on: loop)
        } catch let error as SystemError {
            // What this machine lacks says nothing of a server.
            if error.isShortage { return ended(server, nil) }
            ended(server, .failed(.unreachable(error.reason)))
        } catch {
            ended(server, .failed(.unreachable("the question cannot be written")))
        }
    }

    private func ended(_ probe: Probe, _ verdict: ProbeConversation.Verdict) {
        probe.close()
        probes[probe.token] = nil
        ended(probe.server, verdict)
    }

    /// - Parameter verdict: nil when nothing was found out.
    private func ended(_ server: ServerState, _ verdict: ProbeConversation.Verdict?) {
        let key = ObjectIdentifier(server)
        guard var target = targets[key] else { return }
        guard let verdict else {
            target.check.abandoned()
            targets[key] = target
            return
        }
        let failure: CheckFailure? =
            if case .failed(let failure) = verdict { failure } else { nil }
        let change = target.check.ended(passed: failure == nil)
        targets[key] = target
        let before = server.health.finding
        let isUp = target.check.isUp ?? true
        server.health.checked(isUp: isUp, failure, at: loop.now)
        // A server that answers can be connected to, whatever was found before.
        if failure == nil, isUp, let notice = target.group.reportSuccess(server, now: loop.now) {
            link.report(.reached(server, notice))
        }
        switch change {
        case .down(let failures):
            link.report(.down(server, failures: failures, failure ?? .closed))
        case .up: link.report(.up(server, after: loop.now - (before?.since ?? loop.now)))
        case nil: break
        }
    }

    // MARK: Chance

    private var randomness: Double { Double(loop.newInteger() >> 11) / Double(1 << 53) }

    private func nonce() -> [UInt8] {
        [loop.newInteger(), loop.newInteger()].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
    }
}

extension SocketAddressSettings {
    /// For `Host` where nobody said another: a path is no host.
    fileprivate var authority: String {
        if case .unix = self { "localhost" } else { text }
    }
}
