/// One end of a connection that the gateway has, and the network behind it. What it is sent waits
/// until the other side's system takes it, which has so much room.
final class Wire {
    enum End { case none, finished, broken }

    let name: String
    private let complain: (String) -> Void

    /// Sent by the gateway, and not taken by the other side's system.
    private(set) var pending: [UInt8] = []
    /// Octets that the other side's system has room for.
    var room = Int.max
    /// Taken by the other side's system, and not looked at.
    var delivered: [UInt8] = []
    private(set) var takenCount: Int64 = 0
    /// The gateway sends no more.
    private(set) var hasFinished = false
    private(set) var isClosed = false
    private(set) var wasReset = false

    /// Sent by the other side, and not read by the gateway.
    var incoming: [UInt8] = []
    var incomingEnd = End.none
    /// The gateway has heard of that end.
    var isEndHeard = false
    /// Something was taken since that was last asked.
    private var hasDrained = false

    init(_ name: String, complain: @escaping (String) -> Void) {
        self.name = name
        self.complain = complain
    }

    var isBroken: Bool { incomingEnd == .broken }

    // MARK: The gateway

    /// - Returns: false when the connection takes nothing any more.
    @discardableResult
    func send(_ octets: [UInt8]) -> Bool {
        if octets.isEmpty { return !isBroken }
        if isClosed { complain("\(name): octets on a closed connection") }
        if hasFinished { complain("\(name): octets behind the end") }
        if isBroken { return false }
        pending += octets
        flush()
        hasDrained = false
        return true
    }

    func finishSending() { hasFinished = true }

    func close(reset: Bool = false) {
        if isClosed { complain("\(name): closed twice") }
        isClosed = true
        // A close sends what waits, as far as the system has it; a reset throws it away.
        wasReset = reset || !incoming.isEmpty
        if !reset { flush() }
        pending = []
        incoming = []
    }

    /// All that may come of it has come.
    var isOver: Bool { isClosed || hasFinished && pending.isEmpty }

    func takeDrained() -> Bool {
        defer { hasDrained = false }
        return hasDrained
    }

    // MARK: The network

    /// The other side's system takes what it has room for.
    func flush() {
        guard !isBroken, !pending.isEmpty, room > 0 else { return }
        let part = pending.prefix(room)
        delivered += part
        takenCount += Int64(part.count)
        if room != .max { room -= part.count }
        pending.removeFirst(part.count)
        hasDrained = true
    }

    /// The other side is gone: what it was sent is lost.
    func breakOff() {
        if isClosed { return }
        incomingEnd = .broken
        isEndHeard = false
        pending = []
        incoming = []
    }
}
