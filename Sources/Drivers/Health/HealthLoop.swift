import Clock
import Forwarding
import Generations
import Loop
import Origins
import Settings
import Synchronization
import Transport
import Upstreams

/// The thread of the checks: asks every server of every group that wants it, one schedule for the
/// whole process. It never waits for anything but its poller.
final class HealthLoop {
    private static let mailboxToken: UInt64 = 0
    private static let wakeToken: UInt64 = 1
    /// How often it is looked which servers there are, whatever else happens.
    private static let longestPause: Duration = .seconds(1)

    private let link: HealthLink
    private let loop: Loop
    private var groups: [BackendGroup] = []
    private var targets = CheckTargets()
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
        while true {
            let count = loop.next(hasBacklog: false)
            if link.isStopping.load(ordering: .acquiring) { break }
            for index in 0..<count { take(loop.event(index)) }
            for token in loop.takeDue() {
                guard let probe = probes[token], let verdict = probe.timePassed() else { continue }
                ended(probe, verdict)
            }
            for server in targets.follow(groups, now: loop.now, randomness: { randomness }) {
                for probe in probes.values where probe.server === server { remove(probe) }
            }
            for order in targets.beginDue(at: loop.now, randomness: { randomness }) {
                begin(order)
            }
            if targets.count > 0 {
                let latest = loop.now + Self.longestPause
                loop.wake(at: min(targets.nextDue ?? latest, latest))
            }
        }
        for probe in probes.values { probe.close() }
    }

    private func take(_ event: (token: UInt64, readiness: Readiness)) {
        if event.token == Self.mailboxToken {
            if let latest = link.mailbox.take().last { groups = latest }
        } else if let probe = probes[event.token], let verdict = probe.ready(event.readiness) {
            ended(probe, verdict)
        }
    }

    // MARK: Asking

    private func begin(_ order: CheckTargets.Order) {
        let target = order.target
        let server = target.server
        guard let address = SocketAddress(server.address) else {
            return ended(server, .unreachable("no address"))
        }
        lastToken += 1
        do {
            // The proxy speaks for itself.
            var preface: [UInt8] = []
            if let version = target.group.settings.proxyHeader {
                ProxyHeader(.local).append(version, to: &preface)
            }
            let security = target.group.security.map { context in
                OriginSecurity(context, host: target.expectedHost, preface: preface)
            }
            let conversation = try ProbeConversation(
                target.check.settings,
                host: target.check.settings.host ?? server.address.authority,
                preface: security == nil ? preface : [], nonce: nonce())
            probes[lastToken] = try Probe(
                token: lastToken, server: server, at: address, security, conversation,
                deadline: order.deadline, on: loop)
        } catch let error as SystemError {
            // What this machine lacks says nothing of a server.
            if error.isShortage { return targets.abandoned(server) }
            ended(server, .unreachable(error.reason))
        } catch {
            ended(server, .unreachable("the question cannot be written"))
        }
    }

    private func ended(_ probe: Probe, _ verdict: ProbeConversation.Verdict) {
        remove(probe)
        switch verdict {
        case .passed: ended(probe.server, nil)
        case .failed(let failure): ended(probe.server, failure)
        }
    }

    private func ended(_ server: ServerState, _ failure: CheckFailure?) {
        for report in targets.ended(server, failure, at: loop.now) { link.report(report) }
    }

    private func remove(_ probe: Probe) {
        probe.close()
        probes[probe.token] = nil
    }

    // MARK: Chance

    private var randomness: Double { Double(loop.newInteger() >> 11) / Double(1 << 53) }

    private func nonce() -> [UInt8] {
        [loop.newInteger(), loop.newInteger()].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
    }
}

extension CheckTargets.Target {
    /// The name that the certificate of the server must be for.
    fileprivate var expectedHost: String {
        if let name = group.settings.tls?.serverName ?? host { return name }
        if case .ip(let address, _) = server.address { return address }
        return ""
    }
}

extension SocketAddressSettings {
    /// For `Host` where nobody said another: a path is no host.
    fileprivate var authority: String {
        if case .unix = self { "localhost" } else { text }
    }
}
