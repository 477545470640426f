import Clock
import Transport

/// The thread of the console: accepts, drives connections, hands answers over. It never waits for
/// anything but its poller.
final class ConsoleLoop {
    private static let mailboxToken: UInt64 = 0
    private static let listenerToken: UInt64 = 1
    /// How long accepting rests when there is no descriptor left.
    private static let exhaustedPause: Duration = .milliseconds(200)

    private let link: ConsoleLink
    private let limits: ConsoleLimits
    private let poller: Poller
    private let context: ConsoleContext
    private var listener: Listener?
    /// Accepting rests until then.
    private var restsUntil: Instant?
    private var isListenerWatched = false
    private var connections: [UInt64: ConsoleConnection] = [:]
    private var lastID = ConsoleLoop.listenerToken

    /// Serves until the link says to stop.
    static func run(_ link: ConsoleLink, _ admission: Admission, _ limits: ConsoleLimits) {
        do throws(SystemError) {
            try ConsoleLoop(link, admission, limits).run()
        } catch {
            link.log(.warning("console: stopped: \(error.reason)"))
        }
    }

    private init(
        _ link: ConsoleLink, _ admission: Admission, _ limits: ConsoleLimits
    ) throws(SystemError) {
        self.link = link
        self.limits = limits
        poller = try Poller()
        context = ConsoleContext(link: link, poller: poller, admission: admission, limits: limits)
        try poller.add(
            link.mailbox.descriptorNumber, token: Self.mailboxToken, interest: .readable)
    }

    private func run() {
        while !link.hasStopped {
            let count = poller.wait(milliseconds: timeout)
            context.now = SystemClock.now()
            for index in 0..<count {
                let (token, readiness) = poller.event(index)
                switch token {
                case Self.mailboxToken: takeMessages()
                case Self.listenerToken: accept()
                case let id: connections[id]?.becameReady(readiness)
                }
            }
            for connection in connections.values { connection.timePassed() }
            connections = connections.filter { !$0.value.isClosed }
            watchListener()
        }
        for connection in connections.values { connection.close() }
        unwatchListener()
    }

    private var timeout: Int32 {
        let next = (connections.values.map(\.deadline) + [restsUntil].compactMap { $0 }).min()
        guard let next else { return -1 }
        // Rounded up, so that it is time then.
        return Int32(clamping: max(0, (next - SystemClock.now()).wholeMilliseconds + 1))
    }

    // MARK: Messages

    private func takeMessages() {
        for message in link.mailbox.take() {
            switch message {
            case .wake: break
            case .answer(let exchange, let response):
                connections[exchange.connection]?.answer(exchange, response)
            }
        }
        for console in link.takeAdoptions() { adopt(console) }
    }

    private func adopt(_ console: PreparedConsole?) {
        context.setToken(digest: console?.tokenDigest)
        if let console, console.listener == nil { return }
        let wasListening = listener != nil
        unwatchListener()
        listener?.descriptor.close()
        listener = console?.listener.map { Listener($0) }
        restsUntil = nil
        for connection in connections.values { connection.retire() }
        if let listener {
            link.log(.info("console: ready at \(listener.address.text)"))
        } else if wasListening {
            link.log(.info("console: closed"))
        }
    }

    // MARK: Accepting

    private func accept() {
        guard let listener else { return }
        // One at a time, so that those who are here are served, too.
        if connections.count >= limits.connections, !makeRoom() { return }
        switch listener.accept() {
        case .none: break
        case .exhausted: restsUntil = context.now + Self.exhaustedPause
        case .accepted(let descriptor, let address):
            lastID += 1
            let connection = ConsoleConnection(
                id: lastID, stream: Stream(descriptor), address: address, context: context)
            guard connection.begin() else { return }
            connections[lastID] = connection
        }
    }

    /// Closes a quiet connection for a newcomer: first one without the token, then the one that has
    /// been quiet longest.
    private func makeRoom() -> Bool {
        let quiet = connections.values.filter(\.isBetweenRequests)
        let last = quiet.min { left, right in
            left.isTrusted != right.isTrusted
                ? !left.isTrusted : left.quietSince < right.quietSince
        }
        guard let last else { return false }
        last.close()
        connections[last.id] = nil
        return true
    }

    /// Watches the listener while there is room for another client; otherwise clients wait in the
    /// kernel.
    private func watchListener() {
        guard let listener else { return }
        if let end = restsUntil, end <= context.now { restsUntil = nil }
        let hasRoom =
            connections.count < limits.connections
            || connections.values.contains(where: \.isBetweenRequests)
        let isWanted = restsUntil == nil && hasRoom
        if isWanted == isListenerWatched { return }
        guard isWanted else { return unwatchListener() }
        do throws(SystemError) {
            try poller.add(
                listener.descriptor.number, token: Self.listenerToken, interest: .readable)
            isListenerWatched = true
        } catch {
            restsUntil = context.now + Self.exhaustedPause
        }
    }

    private func unwatchListener() {
        if isListenerWatched, let listener { poller.remove(listener.descriptor.number) }
        isListenerWatched = false
    }
}
