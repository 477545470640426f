import Clock
import Transport

/// The demo: a small upstream app on one thread, plain HTTP, everything in memory.
final class DemoServer {
    private static let listenerToken: UInt64 = 0
    private static let signalsToken: UInt64 = 1
    private static let connectionLimit = 4096
    /// Connections taken at once, so that those already here are served too.
    private static let acceptBatch = 64
    private static let tick: Duration = .seconds(1)
    /// How long clients have to say goodbye when the demo ends.
    private static let farewell: Duration = .seconds(2)

    let buffer = ReadBuffer()
    private(set) var now = SystemClock.now()
    private(set) var queue = DemoQueue()
    private let poller: Poller
    private let listener: Listener
    private let signals: Mailbox<Signal>
    private var connections: [UInt64: DemoConnection] = [:]
    private var nextToken: UInt64 = 2
    private var nextTick: Instant
    private var tickCount = 0
    private var isAccepting = true
    private var isStopping = false

    /// - Throws: `SystemError` of the operation `bind` when the address cannot be bound.
    init(_ address: SocketAddress, signals: Mailbox<Signal>) throws(SystemError) {
        self.signals = signals
        poller = try Poller()
        listener = try Listener(address)
        nextTick = now + Self.tick
        try poller.add(
            listener.descriptor.number, token: Self.listenerToken, interest: .readable)
        try poller.add(signals.descriptorNumber, token: Self.signalsToken, interest: .readable)
    }

    var address: SocketAddress { listener.address }

    /// Serves until a signal ends it.
    func run() {
        while !isStopping { turn() }
        poller.remove(listener.descriptor.number)
        listener.descriptor.close()
        for connection in Array(connections.values) { connection.sayGoodbye(in: self) }
        let deadline = now + Self.farewell
        while !connections.isEmpty, now < deadline { turn() }
        for connection in Array(connections.values) { close(connection) }
    }

    private func turn() {
        let left = (nextTick - SystemClock.now()).wholeMilliseconds + 1
        let count = poller.wait(milliseconds: Int32(clamping: max(0, left)))
        now = SystemClock.now()
        for index in 0..<count {
            let (token, readiness) = poller.event(index)
            switch token {
            case Self.listenerToken: accept()
            case Self.signalsToken: takeSignals()
            default: connections[token]?.becameReady(readiness, in: self)
            }
        }
        if now >= nextTick { beat() }
    }

    private func takeSignals() {
        for signal in signals.take() {
            switch signal {
            case .terminate, .quit, .interrupt: isStopping = true
            case .hangUp, .user1: break
            }
        }
    }

    // MARK: Connections

    private func accept() {
        for _ in 0..<Self.acceptBatch {
            guard connections.count < Self.connectionLimit else { return setAccepting(false) }
            switch listener.accept() {
            case .none: return
            // Tried again with the next beat.
            case .exhausted: return setAccepting(false)
            case .accepted(let descriptor, _): open(descriptor)
            }
        }
    }

    private func open(_ descriptor: Descriptor) {
        let token = nextToken
        nextToken += 1
        let connection = DemoConnection(token: token, stream: Stream(descriptor), now: now)
        do throws(SystemError) {
            try poller.add(descriptor.number, token: token, interest: .readable)
            connections[token] = connection
        } catch {
            descriptor.close()
        }
    }

    private func setAccepting(_ accepts: Bool) {
        guard accepts != isAccepting, !isStopping else { return }
        isAccepting = accepts
        poller.change(
            listener.descriptor.number, token: Self.listenerToken,
            interest: accepts ? .readable : [])
    }

    /// Watches the connection for what it waits for now.
    func watch(_ connection: DemoConnection, for interest: Readiness) {
        poller.change(
            connection.stream.descriptor.number, token: connection.token, interest: interest)
    }

    func close(_ connection: DemoConnection) {
        guard connections.removeValue(forKey: connection.token) != nil else { return }
        poller.remove(connection.stream.descriptor.number)
        connection.stream.close()
    }

    // MARK: What happens by itself

    /// Once a second: an event to every stream; every other time an update to every queue socket.
    private func beat() {
        nextTick = now + Self.tick
        tickCount += 1
        setAccepting(connections.count < Self.connectionLimit)
        let isUpdate = tickCount % 2 == 0
        if isUpdate { queue.advance() }
        let updates = isUpdate ? queueUpdates() : [:]
        for connection in Array(connections.values) {
            connection.beat(queueUpdates: updates, in: self)
        }
    }

    /// The update of every queue that a client watches, by its id.
    private func queueUpdates() -> [String: [UInt8]] {
        var sockets: [String: Int] = [:]
        for connection in connections.values {
            if let id = connection.queueID { sockets[id, default: 0] += 1 }
        }
        var updates: [String: [UInt8]] = [:]
        for (id, count) in sockets { updates[id] = queue.update(of: id, sockets: count) }
        return updates
    }
}
